// The pages by which people come in, in a real browser.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { startGateway } from "./gateway.mjs";

const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => path && existsSync(path));
const password = "correct horse battery";
let gateway, browser, org, team;

before(async () => {
  assert.ok(executablePath, "no Chromium: install it (Debian: chromium), or name it in CHROMIUM");
  gateway = await startGateway("http://127.0.0.1:1");
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  org = await gateway.admin("POST", "/orgs", { name: "Acme" });
  team = await gateway.admin("POST", "/teams", { name: "Research", organization_id: org.id });
});

after(async () => {
  await browser?.close();
  await gateway?.stop();
});

// person is a browser of somebody's own; anything that a page finds wrong fails the test.
async function person() {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (e) => page.faults.push(e.message));
  page.on("console", (m) => /Content Security Policy|Refused to/.test(m.text()) && page.faults.push(m.text()));
  page.says = (text) => page.getByText(text).waitFor({ timeout: 20_000 });
  page.fillIn = async (values) => {
    for (const [label, value] of Object.entries(values)) await page.getByLabel(label).fill(value);
    await page.keyboard.press("Enter");
  };
  page.leave = async () => {
    assert.deepEqual(page.faults, []);
    await context.close();
  };
  return page;
}

const invite = (more) => gateway.admin("POST", "/invites", { email: "ada@example.com", role: "member", team_id: team.id, ...more });

test("an invitation, a reset, and the way in between", async () => {
  const ada = await person();
  const { link } = await invite();
  await ada.goto(gateway.url + link);
  await ada.fillIn({ "Your name": "Ada", Password: "short" });
  await ada.says("The password must have at least 12 characters.");
  assert.equal(await ada.getByLabel("Password").getAttribute("aria-invalid"), "true");
  await ada.fillIn({ Password: password });
  await ada.says("Hello, Ada");
  await ada.says("You are signed in as ada@example.com: member of Research.");
  assert.ok(!ada.url().includes("token"), "the token is left in the address");

  await ada.getByRole("button", { name: "Sign out" }).click();
  await ada.fillIn({ "E-mail address": "ada@example.com", Password: "wrong horse battery" });
  await ada.says("The address or the password is not right.");
  const users = await gateway.admin("GET", "/users?email=ada@example.com");
  const reset = await gateway.admin("POST", `/users/${users.data[0].id}/reset-password`);
  await ada.goto(gateway.url + reset.link);
  await ada.fillIn({ Password: "another horse battery" });
  await ada.says("Your password is set.");
  await ada.fillIn({ "E-mail address": "ada@example.com", Password: "another horse battery" });
  await ada.says("Hello, Ada");

  // A second invitation is for the account that there is, signed in or not.
  await ada.goto(gateway.url + (await invite({ team_id: undefined, organization_id: org.id, role: "viewer" })).link);
  await ada.getByRole("button", { name: "Accept" }).click();
  await ada.says("viewer of Acme");
  await ada.leave();

  const again = await person();
  const other = await gateway.admin("POST", "/teams", { name: "Sales", organization_id: org.id });
  await again.goto(gateway.url + (await invite({ team_id: other.id })).link);
  await again.getByRole("button", { name: "I have an account" }).click();
  await again.fillIn({ "E-mail address": "ada@example.com", Password: "another horse battery" });
  await again.says("member of Sales");
  await again.leave();
});

test("links that open nothing say so", async () => {
  const eve = await person();
  const { link, id } = await invite({ email: "eve@example.com" });
  await gateway.admin("DELETE", `/invites/${id}`);
  await eve.goto(gateway.url + link);
  await eve.fillIn({ "Your name": "Eve", Password: password });
  await eve.says("The link is not valid");
  await eve.goto(gateway.url + "/accept-invite");
  await eve.says("This link is not whole");
  await eve.goto(gateway.url + "/sign-up#token=nothing");
  await eve.fillIn({ "E-mail address": "eve@example.com", "Your name": "<img src=x onerror=alert(1)>", Password: password });
  await eve.says("The link is not valid");
  await eve.leave();
});

test("no other page may frame them, and they load nothing from elsewhere", async () => {
  for (const path of ["/sign-in", "/sign-up", "/accept-invite", "/reset-password", "/entry.js", "/entry.css"]) {
    const response = await fetch(gateway.url + path);
    assert.equal(response.status, 200, path);
    assert.match(response.headers.get("content-security-policy"), /^default-src 'none'; script-src 'self'.*frame-ancestors 'none'$/);
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    assert.equal((await fetch(gateway.url + path, { method: "POST" })).status, 405);
  }
});
