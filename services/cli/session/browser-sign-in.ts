import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import * as oauth from 'oauth4webapi'
import { SignInError } from '../errors.ts'
import type { AppClient } from './cognito.ts'
import type { Tokens } from './profiles.ts'

/** Where the sign-in pages return to. Cognito compares it with the callback URLs of the app client, so the port is fixed. */
export const CALLBACK_URL = 'http://localhost:8976/'
/** How long a user may take, in milliseconds. */
const SIGN_IN_TIMEOUT_MS = 5 * 60_000

export interface BrowserSignInDeps {
  /** Shows the URL of the sign-in page to the user, and opens it if possible. */
  show(url: string): void
  signal: AbortSignal
}

/**
 * Signs a user in with the sign-in pages of the user pool: opens them in a browser, and waits on a loopback port for their answer (RFC
 * 8252, with PKCE).
 *
 * @throws SignInError, and the reason of the signal
 */
export async function signInByBrowser(
  app: AppClient,
  { show, signal }: BrowserSignInDeps,
): Promise<Tokens & { username: string }> {
  const client: oauth.Client = { client_id: app.clientId }
  const issuer = new URL(app.issuer)
  // Only the embedded Cognito of this machine has an issuer without TLS.
  const settings = { signal, [oauth.allowInsecureRequests]: issuer.protocol === 'http:' }
  const listening = await listen()
  try {
    const server = await discover(issuer, settings)
    const verifier = oauth.generateRandomCodeVerifier()
    const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()]
    const url = new URL(server.authorization_endpoint ?? '')
    url.search = new URLSearchParams({
      client_id: app.clientId,
      redirect_uri: CALLBACK_URL,
      response_type: 'code',
      scope: 'openid',
      state,
      nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    }).toString()
    const answer = nextAnswer(listening, state, AbortSignal.any([signal, AbortSignal.timeout(SIGN_IN_TIMEOUT_MS)]))
    show(url.href)
    const parameters = oauth.validateAuthResponse(server, client, await answer, state)
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      oauth.None(),
      parameters,
      CALLBACK_URL,
      verifier,
      settings,
    )
    const result = await oauth.processAuthorizationCodeResponse(server, client, response, { expectedNonce: nonce })
    const claims = oauth.getValidatedIdTokenClaims(result)
    const { id_token: idToken, refresh_token: refreshToken, expires_in: expiresIn = 3_600 } = result
    if (idToken === undefined) throw new SignInError('Cognito sent no id token.')
    return {
      idToken,
      expiresAt: Date.now() + expiresIn * 1_000,
      ...(refreshToken !== undefined && { refreshToken }),
      username: String(claims?.['cognito:username'] ?? claims?.sub),
    }
  } catch (cause) {
    signal.throwIfAborted()
    if (cause instanceof SignInError) throw cause
    throw new SignInError(`The sign-in failed: ${reasonOf(cause)}`, { cause })
  } finally {
    listening.close()
    listening.closeAllConnections()
  }
}

async function discover(issuer: URL, settings: oauth.DiscoveryRequestOptions): Promise<oauth.AuthorizationServer> {
  const response = await oauth.discoveryRequest(issuer, settings)
  const server = await oauth.processDiscoveryResponse(issuer, response)
  if (server.authorization_endpoint !== undefined && server.token_endpoint !== undefined) return server
  throw new SignInError('The user pool has no sign-in pages. Sign in with a password: headgate login')
}

async function listen(): Promise<Server> {
  const { hostname, port } = new URL(CALLBACK_URL)
  const server = createServer().listen(Number(port), hostname)
  try {
    await once(server, 'listening')
    return server
  } catch (cause) {
    throw new SignInError(`Port ${port} is in use, and the sign-in pages return to no other. Stop the other program.`, {
      cause,
    })
  }
}

/** Resolves to the first request with the state of this sign-in. Browsers also ask for an icon, and other pages may guess the port. */
function nextAnswer(server: Server, state: string, signal: AbortSignal): Promise<URL> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    server.on('request', (request, response) => {
      const url = new URL(request.url ?? '/', CALLBACK_URL)
      const isAnswer = url.searchParams.get('state') === state
      response.writeHead(isAnswer ? 200 : 404, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' })
      response.end(isAnswer ? 'You can close this page and go on in the terminal.\n' : 'There is nothing here.\n')
      if (isAnswer) resolve(url)
    })
  })
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return 'it was not finished within five minutes.'
  // What the sign-in pages answered, such as that the user refused.
  if (error instanceof oauth.AuthorizationResponseError) return `${error.error_description ?? error.error}.`
  if (error instanceof oauth.ResponseBodyError) return `${error.error_description ?? error.error}.`
  return error.message
}
