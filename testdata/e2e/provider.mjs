// A real OpenID provider (oidc-provider, which is certified) with people whose
// claims a test can change, and a browser that goes through it.
import { once } from "node:events";
import http from "node:http";

import { call } from "./gateway.mjs";

console.warn = console.info = () => {}; // it tells at length that this is no production set-up
const { default: Provider } = await import("oidc-provider");

// programs are the claims of the tokens of programs; a test may change them.
export const programs = { team: "research", models: ["openai"] };

// startProvider serves an issuer on the port. people are the claims of each by
// login; a test may change them. In the ID token are only those of inToken.
export async function startProvider(port, redirectURI, people, inToken = []) {
  const issuer = `http://127.0.0.1:${port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: "gateway", client_secret: "MARK-client-secret", redirect_uris: [redirectURI], grant_types: ["authorization_code"], response_types: ["code"] },
      { client_id: "ci", client_secret: "MARK-ci-secret", redirect_uris: [], grant_types: ["client_credentials"], response_types: [] }],
    // Programs get tokens of their own (client credentials), for the audience "models".
    features: { clientCredentials: { enabled: true }, resourceIndicators: { enabled: true, defaultResource: (_, client) => (client.clientId === "ci" ? "urn:models" : undefined),
      getResourceServerInfo: () => ({ scope: "", audience: "models", accessTokenFormat: "jwt", jwt: { sign: { alg: "RS256" } } }) } },
    extraTokenClaims: (_, token) => (token.kind === "ClientCredentials" ? { team: programs.team, models: programs.models } : undefined),
    claims: { openid: ["sub", ...inToken], email: ["email", "email_verified"], profile: ["name", "groups"] },
    conformIdTokenClaims: true,
    findAccount: (_, id) => people[id] && { accountId: id, claims: async () => ({ sub: id, ...people[id] }) },
    cookies: { keys: ["a key of the test"] },
  });
  const server = http.createServer(provider.callback()).listen(port, "127.0.0.1");
  await once(server, "listening");
  return { issuer, stop: () => new Promise((r) => (server.closeAllConnections(), server.close(r))) };
}

// Browser keeps cookies by origin and path, as browsers do, and follows what a
// test tells it to.
export class Browser {
  jar = new Map(); // origin + path + name → value
  csrf = undefined;

  cookies(url) {
    const at = new URL(url);
    const sent = [];
    for (const c of this.jar.values()) if (c.origin === at.origin && (at.pathname + "/").startsWith(c.path.replace(/\/?$/, "/"))) sent.push(`${c.name}=${c.value}`);
    return sent.join("; ");
  }

  async send(method, url, { form, json, headers = {} } = {}) {
    const cookie = this.cookies(url);
    const h = { ...headers, ...(cookie && { cookie }), ...(this.csrf && !form && { "x-csrf-token": this.csrf }) };
    let body;
    if (form) (body = new URLSearchParams(form).toString()), (h["content-type"] = "application/x-www-form-urlencoded");
    if (json) (body = JSON.stringify(json)), (h["content-type"] = "application/json");
    const r = await call(url, { method, headers: h, body });
    const at = new URL(url);
    for (const line of [r.headers["set-cookie"] ?? []].flat()) {
      const [pair, ...attributes] = line.split(/;\s*/);
      const cut = pair.indexOf("=");
      const c = { origin: at.origin, name: pair.slice(0, cut), value: pair.slice(cut + 1), path: "/", line };
      for (const a of attributes) if (/^path=/i.test(a)) c.path = a.slice(5);
      const key = `${c.origin} ${c.path} ${c.name}`;
      if (c.value === "" || attributes.some((a) => /^max-age=(0|-)/i.test(a))) this.jar.delete(key);
      else this.jar.set(key, c);
    }
    if (r.json?.csrf_token) this.csrf = r.json.csrf_token;
    return r;
  }

  // visit begins to sign in at the gateway and goes through the provider's pages as
  // the login, up to the address that leads back. It does not go there.
  async visit(gateway, login, query = "") {
    let r = await this.send("GET", `${gateway}/api/v1/sign-in/oidc${query}`);
    for (let i = 0; i < 20; i++) {
      if (r.status !== 303 && r.status !== 302) throw new Error(`stuck: ${r.status} ${r.text}`);
      const next = new URL(r.headers.location, this.at).href;
      if (next.startsWith(gateway)) return next;
      this.at = next;
      r = await this.send("GET", next);
      if (r.status !== 200) continue;
      const action = /action="([^"]+)"/.exec(r.text)[1].replaceAll("&amp;", "&");
      const prompt = /name="prompt" value="([^"]+)"/.exec(r.text)[1];
      r = await this.send("POST", new URL(action, next).href, { form: prompt === "login" ? { prompt, login, password: "any" } : { prompt } });
    }
    throw new Error("the provider goes round in circles");
  }

  // signIn goes all the way.
  async signIn(gateway, login, query) {
    return this.send("GET", await this.visit(gateway, login, query));
  }
}
