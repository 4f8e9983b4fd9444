// The pages by which people come in. Each is the same document: which form it
// shows follows from its path, whom it is for from the token behind the #.
'use strict';

const page = location.pathname.split('/').pop();
const api = location.pathname.slice(0, -page.length) + 'api/v1/';
const element = (id) => document.getElementById(id);
const token = new URLSearchParams(location.hash.slice(1)).get('token') || sessionStorage.getItem('token:' + page) || '';

// ask calls the API and returns its answer; a problem document is thrown.
async function ask(method, path, body, csrf) {
  const headers = {};
  if (body) headers['content-type'] = 'application/json';
  if (csrf) headers['x-csrf-token'] = csrf;
  let response;
  try {
    response = await fetch(api + path, { method, headers, body: body && JSON.stringify(body), credentials: 'same-origin' });
  } catch {
    throw { detail: 'The gateway does not answer. Try again.' };
  }
  const text = await response.text();
  if (response.ok) return text ? JSON.parse(text) : null;
  try {
    throw JSON.parse(text);
  } catch (e) {
    throw e.detail ? e : { detail: `The gateway answered ${response.status}.` };
  }
}

// form shows a form with the fields; submit is called with their values.
function form({ title, lead, fields, button, newPassword, submit }) {
  element('title').textContent = document.title = title;
  element('lead').textContent = lead || '';
  element('form').hidden = false;
  for (const div of document.querySelectorAll('[data-field]')) div.hidden = !fields.includes(div.dataset.field);
  element('submit').textContent = button;
  element('hint').textContent = newPassword ? 'At least 12 characters.' : '';
  element('password').autocomplete = newPassword ? 'new-password' : 'current-password';
  element('form').onsubmit = async (event) => {
    event.preventDefault();
    tell('');
    element('submit').disabled = true;
    try {
      await submit(Object.fromEntries(fields.map((f) => [f, element(f).value])));
    } catch (problem) {
      fail(problem, fields);
    } finally {
      element('submit').disabled = false;
    }
  };
  element(fields.find((f) => !element(f).value) || fields[0]).focus();
}

function tell(text, kind) {
  element('message').textContent = text;
  element('message').className = kind || '';
  for (const input of document.querySelectorAll('input')) input.removeAttribute('aria-invalid');
}

function fail(problem, fields) {
  const labels = { email: 'The address', name: 'Your name', password: 'The password', token: 'The link' };
  tell(labels[problem.param] ? `${labels[problem.param]} ${problem.detail}.` : sentence(problem.detail), 'bad');
  if (!fields || !fields.includes(problem.param)) return;
  element(problem.param).setAttribute('aria-invalid', 'true');
  element(problem.param).focus();
}

const sentence = (s) => s.charAt(0).toUpperCase() + s.slice(1) + (/[.!?]$/.test(s) ? '' : '.');

// say shows a text in place of the form.
function say(title, lead) {
  element('title').textContent = document.title = title;
  element('lead').textContent = lead;
  element('form').hidden = true;
  element('more').replaceChildren();
  tell('');
}

// more adds a button or a link below the form.
function more(tag, text, set) {
  const e = Object.assign(document.createElement(tag), { textContent: text, className: 'button' }, set);
  if (tag === 'button') e.type = 'button';
  element('more').append(e);
}

const me = () => ask('GET', 'me').catch(() => null);

const roles = { owner: 'owner', admin: 'admin', org_admin: 'organization admin', team_admin: 'team admin', member: 'member', viewer: 'viewer' };

// welcome says who somebody is now.
async function welcome() {
  const who = await me();
  if (!who || !who.user) return signIn();
  const places = (who.memberships || []).map((m) => `${roles[m.role]} of ${m.team_name || m.organization_name}`);
  if (who.user.role) places.unshift(`${roles[who.user.role]} of this gateway`);
  sessionStorage.removeItem('token:' + page); // it is used up
  history.replaceState(null, '', 'sign-in');
  say(`Hello, ${who.user.name}`, `You are signed in as ${who.user.email}${places.length ? ': ' + places.join(', ') : ''}.`);
  more('button', 'Sign out', { onclick: async () => { await ask('POST', 'sign-out', null, who.csrf_token).catch(fail); location.reload(); } });
}

// providers offers the OpenID providers, and brings the reader back to this page.
async function providers() {
  const ways = await ask('GET', 'sign-in').catch(() => null);
  for (const name of (ways && ways.providers) || []) {
    more('a', `Sign in with ${name}`, {
      href: `${api}sign-in/oidc?provider=${encodeURIComponent(name)}&return_to=${encodeURIComponent('/' + page)}`,
      onclick: () => { if (token) sessionStorage.setItem('token:' + page, token); },
    });
  }
  return ways;
}

async function signIn(then, lead) {
  const refused = new URLSearchParams(location.hash.slice(1)).get('sign_in_error');
  element('more').replaceChildren();
  form({
    title: 'Sign in', lead, fields: ['email', 'password'], button: 'Sign in',
    submit: async (values) => { const entry = await ask('POST', 'sign-in', values); await (then || welcome)(entry); },
  });
  if (refused) tell(sentence(refused), 'bad');
  const ways = await providers();
  if (!ways || !ways.reset_by_mail) return;
  more('button', 'Mail me a link to set a password', {
    onclick: async () => {
      try {
        await ask('POST', 'password/reset', { email: element('email').value });
        tell('If that address is known, a link is on its way.', 'good');
      } catch (problem) {
        fail(problem, ['email']);
      }
    },
  });
}

function signUp() {
  form({
    title: 'Become an owner', lead: 'The link works once. You will be able to do everything on this gateway.',
    fields: ['email', 'name', 'password'], newPassword: true, button: 'Sign up',
    submit: async (values) => { await ask('POST', 'signup', { token, ...values }); await welcome(); },
  });
}

async function acceptInvite() {
  const accept = async (entry) => { await ask('POST', 'invites/accept', { token }, entry.csrf_token); await welcome(); };
  const who = await me();
  if (who && who.user) {
    say('You are invited', `Accept as ${who.user.name} (${who.user.email})?`);
    more('button', 'Accept', { onclick: () => accept(who).catch(fail) });
    return;
  }
  form({
    title: 'You are invited', lead: 'Say who you are and choose a password.', fields: ['name', 'password'], newPassword: true, button: 'Accept',
    submit: async (values) => { await ask('POST', 'invites/accept', { token, ...values }); await welcome(); },
  });
  more('button', 'I have an account here already', { onclick: () => signIn(accept, 'Then the invitation is yours.') });
  await providers();
}

function resetPassword() {
  form({
    title: 'Set a password', lead: 'The link works once. You will be signed out everywhere.', fields: ['password'], newPassword: true, button: 'Set password',
    submit: async (values) => { await ask('POST', 'password/reset/confirm', { token, ...values }); await signIn(null, 'Your password is set.'); },
  });
}

const pages = { 'sign-up': signUp, 'accept-invite': acceptInvite, 'reset-password': resetPassword };
if (!pages[page]) welcome();
else if (token) pages[page]();
else say('This link is not whole', 'Open it as it was given to you, with everything behind the #.');
