import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { CognitoError } from '../errors.ts'
import { authenticate } from '../operations/auth.ts'
import { chooseNewPassword } from '../operations/challenge.ts'
import type { Context } from '../operations/operation.ts'
import type { User } from '../pools/schema.ts'
import { type AuthorizationRequest, findClient, readAuthorizationRequest } from './authorization-request.ts'
import type { Codes } from './codes.ts'
import { readCookie, setCookie } from './cookies.ts'
import { AuthorizationError, PageError } from './errors.ts'
import { ExpiringMap } from './expiring-map.ts'
import { sendErrorPage, sendLoginPage, sendNewPasswordPage } from './pages.ts'
import { type Parameters, readForm, readParameters } from './parameters.ts'
import { allowsRedirect, withParameters } from './redirects.ts'

/** A sign-in in a browser, which the next client of the pool uses without a page. Cognito keeps it for an hour too. */
interface BrowserSession {
  poolId: string
  username: string
  sub: string
  /** Milliseconds since 1970. */
  authenticatedAt: number
}

const SESSION_COOKIE = 'cognito'
const SESSION_SECONDS = 3_600
const CSRF_COOKIE = 'cognito-csrf'

interface Settings {
  context: Context
  codes: Codes
  /** The origins to whose pages the browser may return, beside the URLs of the clients. */
  callbackOrigins: readonly string[]
  /** Resolves once every change so far is on disk. */
  save(): Promise<void>
}

/** Creates the pages of Cognito's domain: `/oauth2/authorize`, `/login` and `/logout`. */
export function createSignInPages({ context, codes, callbackOrigins, save }: Settings) {
  const sessions = new ExpiringMap<BrowserSession>(SESSION_SECONDS * 1_000)
  const read = (query: string) => readAuthorizationRequest(query, context.pools, callbackOrigins)

  /** Redirects to the sign-in page, or back at once if the browser has a session. */
  async function authorize(request: IncomingMessage, response: ServerResponse, query: string): Promise<void> {
    const asked = read(query)
    const session = sessions.get(readCookie(request, SESSION_COOKIE) ?? '', context.now())
    const user = session?.poolId === asked.pool.id ? asked.pool.findUser(session.username) : undefined
    if (session && user?.sub === session.sub && asked.prompt !== 'login') {
      return redirect(response, withCode(asked, user, session.authenticatedAt))
    }
    if (asked.prompt === 'none') {
      const { redirectUri, state } = asked
      const error = 'login_required'
      throw new AuthorizationError(error, 'The user has to sign in.', () =>
        withParameters(redirectUri, { error, state }),
      )
    }
    redirect(response, `/login?${query}`)
  }

  /** Shows the form. */
  async function showLogin(request: IncomingMessage, response: ServerResponse, query: string): Promise<void> {
    read(query)
    sendLoginPage(response, { action: `/login?${query}`, csrfToken: csrfTokenOf(request, response) })
  }

  /** Takes the form: a password, or the new password that replaces a temporary one. */
  async function login(request: IncomingMessage, response: ServerResponse, query: string): Promise<void> {
    const asked = read(query)
    const form = await readForm(request, message => new PageError('invalid_request', message))
    const csrfToken = csrfTokenOf(request, response)
    const page = { action: `/login?${query}`, csrfToken, username: form.get('username') ?? '' }
    if (form.get('_csrf') !== csrfToken) {
      return sendLoginPage(response, { ...page, error: 'The page was open for too long. Sign in again.' })
    }
    const session = form.get('session')
    try {
      const user = await (session === undefined ? byPassword(asked, form) : byNewPassword(asked, form, session))
      const { client } = asked
      if (user.status === 'FORCE_CHANGE_PASSWORD') {
        const challenge = context.challenges.open(client, user, context.now())
        return sendNewPasswordPage(response, { ...page, session: challenge })
      }
      if (session !== undefined) await save()
      startSession(response, asked, user)
      redirect(response, withCode(asked, user, context.now()))
    } catch (error) {
      if (!(error instanceof CognitoError)) throw error
      if (session !== undefined && error.code === 'InvalidPasswordException') {
        return sendNewPasswordPage(response, { ...page, session, error: error.message })
      }
      sendLoginPage(response, { ...page, error: error.message })
    }
  }

  function byPassword({ pool, client }: AuthorizationRequest, form: Parameters): Promise<User> {
    return authenticate(context, pool, client, form.get('username') ?? '', form.get('password') ?? '')
  }

  function byNewPassword({ pool, client }: AuthorizationRequest, form: Parameters, session: string): Promise<User> {
    const [username, newPassword] = [form.get('username') ?? '', form.get('new_password') ?? '']
    return chooseNewPassword(context, pool, client, { session, username, newPassword, attributes: {} })
  }

  function startSession(response: ServerResponse, { pool }: AuthorizationRequest, user: User): void {
    const now = context.now()
    const { username, sub } = user
    const key = sessions.add({ poolId: pool.id, username, sub, authenticatedAt: now }, now)
    setCookie(response, SESSION_COOKIE, key, SESSION_SECONDS)
  }

  function withCode(asked: AuthorizationRequest, user: User, authenticatedAt: number): string {
    const code = codes.issue(asked, user, authenticatedAt, context.now())
    return withParameters(asked.redirectUri, { code, state: asked.state })
  }

  /** Ends the session of the browser. Tokens stay valid. Returns to the client, or to the sign-in page. */
  async function logout(request: IncomingMessage, response: ServerResponse, query: string): Promise<void> {
    const parameters = readParameters(query, message => new PageError('invalid_request', message))
    const { client } = findClient(parameters, context.pools)
    const logoutUri = parameters.get('logout_uri')
    if (logoutUri === undefined) read(query)
    else if (!allowsRedirect(logoutUri, 'logoutUrls', client, callbackOrigins)) {
      throw new PageError('redirect_mismatch', `The app client does not allow the logout URI ${logoutUri}`)
    }
    sessions.delete(readCookie(request, SESSION_COOKIE) ?? '')
    setCookie(response, SESSION_COOKIE, '', 0)
    redirect(response, logoutUri ?? `/login?${query}`)
  }

  const pages: Readonly<Record<string, typeof authorize>> = {
    'GET /oauth2/authorize': authorize,
    'GET /login': showLogin,
    'POST /login': login,
    'GET /logout': logout,
  }

  /** Returns false if there is no such page. */
  return async (method: string, path: string, query: string, request: IncomingMessage, response: ServerResponse) => {
    const page = pages[`${method} ${path}`]
    if (!page) return false
    try {
      await page(request, response, query)
    } catch (error) {
      if (error instanceof AuthorizationError) redirect(response, error.location)
      else if (error instanceof PageError) sendErrorPage(response, error)
      else throw error
    }
    return true
  }
}

/** 303: the browser must not send the form again, which has the password. */
function redirect(response: ServerResponse, location: string): void {
  response.writeHead(303, { location, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' }).end()
}

/** Returns the token that the form and the cookie of a browser must both have. Other sites know neither. */
function csrfTokenOf(request: IncomingMessage, response: ServerResponse): string {
  const known = readCookie(request, CSRF_COOKIE)
  if (known !== undefined && /^[A-Za-z0-9_-]{43}$/.test(known)) return known
  const token = randomBytes(32).toString('base64url')
  setCookie(response, CSRF_COOKIE, token)
  return token
}
