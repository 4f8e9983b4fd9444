package config

import (
	"slices"
	"strings"

	"github.com/tokligence/gateway/core"
)

// JWT is one [[jwt]]: an issuer whose tokens clients may present in place of keys.
type JWT struct {
	Name, Issuer, Audience, KeysURL      string
	Algorithms                           []string
	Key                                  string
	Rules                                []JWTRule
	UserClaim, ModelsClaim, EndUserClaim string
}

// JWTRule says which key a token stands for whose claim is the value, or holds it.
type JWTRule struct{ Claim, Value, Key string }

// asymmetric are the algorithms whose keys only the issuer has.
var asymmetric = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

var jwtFields = []field[JWT]{
	named("name of the issuer", func(j *JWT) *string { return &j.Name }),
	required(text("issuer", "", "its address, as its tokens name it", func(j *JWT) *string { return &j.Issuer }, isIssuer)),
	required(text("audience", "", "whom a token must be for", func(j *JWT) *string { return &j.Audience }, notEmpty)),
	text("jwks_url", `""`, "where its public keys are; empty asks the issuer", func(j *JWT) *string { return &j.KeysURL }, func(v value, s string) {
		if s != "" {
			isIssuer(v, s)
		}
	}),
	withDefault(`["RS256", "ES256"]`, texts("algorithms", "signatures that are taken: "+strings.Join(asymmetric, ", "), func(j *JWT) *[]string { return &j.Algorithms }, func(v value, list []string) {
		if len(list) == 0 {
			v.fail("must name at least one")
		}
		for i, s := range list {
			if !slices.Contains(asymmetric, s) {
				v.l.fail(v.at.element(i), "%q is not one of %s", s, strings.Join(asymmetric, ", "))
			}
		}
	})),
	{
		Field: Field{Name: "keys", Type: "list of tables",
			Doc: "which key a token stands for: { claim = NAME, value = …, key = \"key_…\" }; the first counts whose claim is the value, or a list that holds it"},
		set: setJWTRules,
	},
	text("key", `""`, "id of the key of all other tokens; empty refuses them", func(j *JWT) *string { return &j.Key }, isKeyID),
	text("user_claim", `""`, "claim with the address of the user for whom it speaks", func(j *JWT) *string { return &j.UserClaim }),
	text("models_claim", `""`, "claim with the model aliases to which it is narrowed", func(j *JWT) *string { return &j.ModelsClaim }),
	text("end_user_claim", `""`, "claim with the end user's name", func(j *JWT) *string { return &j.EndUserClaim }),
}

var jwtRuleFields = []field[JWTRule]{
	required(text("claim", "", "name of a claim", func(r *JWTRule) *string { return &r.Claim }, notEmpty)),
	required(text("value", "", "what it is or holds", func(r *JWTRule) *string { return &r.Value }, notEmpty)),
	required(text("key", "", "id of the key", func(r *JWTRule) *string { return &r.Key }, isKeyID)),
}

func isKeyID(v value, s string) {
	if s != "" && !strings.HasPrefix(s, core.PrefixKey) {
		v.fail("must be the id of a key, such as %q: tokligence key create makes one", core.PrefixKey+"…")
	}
}

func setJWTRules(j *JWT, v value) {
	list, ok := tables(v.raw)
	if !ok {
		v.wrongType("a list of tables")
		return
	}
	for i, table := range list {
		var r JWTRule
		readTable(v.l, jwtRuleFields, table, v.at.element(i), &r, nil)
		j.Rules = append(j.Rules, r)
	}
}

func (l *loader) addJWT(at place, j *JWT) {
	for _, other := range l.cfg.jwts {
		if other.Issuer == j.Issuer {
			l.fail(at.child("issuer"), "is that of %s, too", other.Name)
		}
	}
	if j.Key == "" && len(j.Rules) == 0 {
		l.fail(at, "its tokens stand for no key: name one by key, or some by keys")
	}
	l.cfg.jwts = append(l.cfg.jwts, *j)
}

// JWTs returns the issuers in the order of the files.
func (c *Config) JWTs() []JWT { return c.jwts }
