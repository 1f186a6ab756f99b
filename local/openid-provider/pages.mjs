// The provider's pages: sign-in, sign-out, errors.
import { escape, page } from "../gateway/src/html.js";

const STYLE = `
:root { color-scheme: light dark; --text: #1c2024; --soft: #60646c; --line: #8b8d98; --page: #f4f5f7; --card: #fff; --accent: #0b62c4; --on-accent: #fff; --bad: #b42318; }
@media (prefers-color-scheme: dark) {
  :root { --text: #edeef0; --soft: #a6abb3; --line: #6b7077; --page: #131417; --card: #1b1d21; --accent: #7ab8ff; --on-accent: #0b1524; --bad: #ff9592; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 24rem; background: var(--card); border-radius: 14px; padding: 1.75rem; box-shadow: 0 1px 3px rgb(0 0 0 / .15); }
h1 { font-size: 1.375rem; margin: 0 0 .25rem; }
p { margin: 0 0 1rem; color: var(--soft); }
label { display: block; font-weight: 600; margin-bottom: .25rem; }
input[type=email] { width: 100%; font: inherit; padding: .625rem .75rem; border: 1px solid var(--line); border-radius: 8px; background: transparent; color: inherit; }
.choice { display: flex; gap: .5rem; align-items: baseline; font-weight: 400; margin: .75rem 0 1rem; color: var(--soft); }
button { width: 100%; font: inherit; font-weight: 600; padding: .625rem; border: 0; border-radius: 8px; background: var(--accent); color: var(--on-accent); cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.fault { color: var(--bad); margin: .375rem 0 0; }
`;

/** A page with its title as the heading. */
function card(title, body) {
  return page(title, STYLE, `<main>\n<h1>${escape(title)}</h1>\n${body}\n</main>`);
}

/** The sign-in form. `fault` says what is wrong with the e-mail address, `expired` that the sign-in is over. */
export function loginPage({ email, fault, expired }) {
  if (expired) return card("This sign-in has expired", "<p>Go back to the portal and start again.</p>");
  return card("Sign in", `<p>The local stand-in for Auth0. Any e-mail address will do.</p>
<form method="post">
<label for="email">E-mail address</label>
<input id="email" name="email" type="email" autocomplete="email" required autofocus value="${escape(email)}"${fault ? ' aria-invalid="true" aria-describedby="fault"' : ""}>
${fault ? `<p class="fault" id="fault" role="alert">${escape(fault)}</p>` : ""}
<label class="choice"><input type="checkbox" name="unverified"> as an address that is not verified</label>
<button type="submit">Continue</button>
</form>`);
}

/** Signs out at once, as Auth0 does; the button is for browsers without script. */
export function logoutPage(context, form) {
  context.body = card("Signing out", `${form}
<button type="submit" form="op.logoutForm" name="logout" value="yes">Sign out</button>
<script>document.querySelector("button").click();</script>`);
}

/** The page after signing out, where the client named no page of its own. */
export function signedOutPage(context) {
  context.body = card("You are signed out", "<p>You can close this page.</p>");
}

/** The page for a request that the provider refuses, in the provider's words. */
export function errorPage(context, out) {
  context.type = "html";
  const rows = Object.entries(out).map(([key, value]) => `<p><strong>${escape(key)}</strong><br>${escape(value)}</p>`);
  context.body = card("That did not work", rows.join("\n"));
}
