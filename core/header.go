package core

// HeaderUse says who may set a header of a request to a provider.
type HeaderUse int8

// The uses of headers.
const (
	HeaderFree     HeaderUse = iota // whoever makes the request
	HeaderReserved                  // the gateway alone: connection, framing, what signing adds
	HeaderKey                       // a usual place of a credential
)

var headerUses = func() map[string]HeaderUse {
	uses := map[string]HeaderUse{}
	for _, name := range [...]string{"host", "content-length", "transfer-encoding", "accept-encoding", "expect",
		"connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade",
		"proxy-authorization", "proxy-authenticate", "cookie",
		"x-amz-date", "x-amz-security-token", "x-amz-content-sha256"} {
		uses[name] = HeaderReserved
	}
	for _, name := range [...]string{"authorization", "x-api-key", "api-key", "x-goog-api-key"} {
		uses[name] = HeaderKey
	}
	return uses
}()

// UseOf is the use of the header of that lower-case name.
func UseOf(name string) HeaderUse { return headerUses[name] }

// tokens are the bytes of a token.
var tokens = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] = true
	}
	return t
}()

// IsToken reports whether s can be a header's name or a method (RFC 9110,
// section 5.6.2).
func IsToken[T string | []byte](s T) bool {
	for i := range len(s) {
		if !tokens[s[i]] {
			return false
		}
	}
	return len(s) > 0
}

// IsFieldValue reports whether s can stand in a header: no control character but
// the tab (RFC 9110, section 5.5).
func IsFieldValue[T string | []byte](s T) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
