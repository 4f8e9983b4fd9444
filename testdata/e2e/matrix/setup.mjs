// The mock as every vendor, the tap before it, and a gateway of all providers.
import { LLMock } from "@copilotkit/aimock";
import { generateKeyPairSync } from "node:crypto";
import { startGateway } from "../gateway.mjs";
import { mends } from "./mends.mjs";
import { toml } from "./providers.mjs";
import { startTap } from "./tap.mjs";

// start gives { mock, tap, gateway, stop }; the mock's answers are for script to say.
export async function start(script = () => {}) {
  const all = {};
  all.stop = async () => {
    await all.gateway?.stop();
    await all.tap?.stop();
    await all.mock.stop();
  };
  try {
    all.mock = new LLMock({ port: 0, chunkSize: 7, logLevel: "silent" });
    script(all.mock);
    await all.mock.start();
    all.tap = await startTap(all.mock.url, mends);
    all.gateway = await startGateway(all.tap.url, "", { providers: toml(all.tap.url), env: { E2E_GOOGLE: serviceAccount(`${all.tap.url}/token`) } });
    return all;
  } catch (e) {
    await all.stop();
    throw e;
  }
}

// serviceAccount is a key file of Google Cloud whose tokens come from the address.
function serviceAccount(token_uri) {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return JSON.stringify({ type: "service_account", project_id: "p", private_key_id: "1", private_key: privateKey.export({ type: "pkcs8", format: "pem" }), client_email: "e2e@p.iam.gserviceaccount.com", token_uri });
}
