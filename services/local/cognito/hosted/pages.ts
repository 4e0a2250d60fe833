import type { ServerResponse } from 'node:http'

const STYLE = `
:root { color-scheme: light dark; font-family: system-ui, sans-serif }
main { max-width: 22rem; margin: 10vh auto; padding: 0 1rem }
form, label { display: grid; gap: .25rem }
form { gap: 1rem }
input, button { font: inherit; padding: .5rem }
[role=alert] { color: light-dark(#b00020, #ff8a80) }
small { opacity: .75 }`

/**
 * The directive form-action is left out on purpose: browsers would apply it to the redirect after the form, which leads
 * to the page that asked for the sign-in.
 */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'"

export interface LoginPage {
  /** Where the form is sent: the path with the query of the request. */
  action: string
  csrfToken: string
  username?: string | undefined
  error?: string | undefined
}

/** Sends the page that asks for a user name and a password. */
export function sendLoginPage(response: ServerResponse, { action, csrfToken, username = '', error }: LoginPage): void {
  const body = `<h1>Sign in</h1>
${alertOf(error)}<form method="post" action="${escaped(action)}">
<input type="hidden" name="_csrf" value="${escaped(csrfToken)}">
<label>User name <input name="username" value="${escaped(username)}" autocomplete="username" required autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button type="submit">Sign in</button>
</form>
<p><small>The embedded Cognito, for development only.</small></p>`
  sendPage(response, error === undefined ? 200 : 400, 'Sign in', body)
}

export interface NewPasswordPage extends LoginPage {
  username: string
  /** The open challenge. */
  session: string
}

/** Sends the page that asks for a new password, because an administrator chose the current one. */
export function sendNewPasswordPage(
  response: ServerResponse,
  { action, csrfToken, username, session, error }: NewPasswordPage,
): void {
  const body = `<h1>Choose a new password</h1>
${alertOf(error)}<form method="post" action="${escaped(action)}">
<input type="hidden" name="_csrf" value="${escaped(csrfToken)}">
<input type="hidden" name="session" value="${escaped(session)}">
<input type="hidden" name="username" value="${escaped(username)}" autocomplete="username">
<label>New password <input name="new_password" type="password" autocomplete="new-password" required autofocus></label>
<button type="submit">Set the password</button>
</form>`
  sendPage(response, error === undefined ? 200 : 400, 'Choose a new password', body)
}

/** Sends a page that reports a request which leads nowhere. */
export function sendErrorPage(response: ServerResponse, error: { code: string; message: string }): void {
  const body = `<h1>This sign-in is not possible</h1>
<p role="alert">${escaped(error.message)}</p>
<p><small>${escaped(error.code)}</small></p>`
  sendPage(response, 400, 'Error', body)
}

function sendPage(response: ServerResponse, status: number, title: string, body: string): void {
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-length': Buffer.byteLength(html),
    'content-security-policy': POLICY,
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  })
  response.end(html)
}

function alertOf(error: string | undefined): string {
  return error === undefined ? '' : `<p role="alert">${escaped(error)}</p>\n`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, character => ENTITIES[character] ?? '')
}
