import '../fetch.ts'
import { SignInError } from '../errors.ts'
import type { Terminal } from '../terminal.ts'
import type { Tokens } from './profiles.ts'

const TIMEOUT_MS = 20_000
/** A sign-in has a password and a second factor, and a forced change of the password. */
const MAX_CHALLENGES = 5

/** An app client of a user pool. */
export interface AppClient {
  /** The URL of the user pool. Its origin is Cognito's endpoint. */
  issuer: string
  clientId: string
}

interface Answer {
  AuthenticationResult?: { IdToken?: string; RefreshToken?: string; ExpiresIn?: number }
  ChallengeName?: string
  Session?: string
}

/** What a user is asked during a sign-in, by the name of Cognito's challenge. */
const QUESTIONS: Readonly<Record<string, { question: string; answer: string; isHidden?: boolean }>> = {
  NEW_PASSWORD_REQUIRED: { question: 'Choose a new password: ', answer: 'NEW_PASSWORD', isHidden: true },
  SOFTWARE_TOKEN_MFA: { question: 'Code from your authenticator app: ', answer: 'SOFTWARE_TOKEN_MFA_CODE' },
  SMS_MFA: { question: 'Code from the text message: ', answer: 'SMS_MFA_CODE' },
  EMAIL_OTP: { question: 'Code from the email: ', answer: 'EMAIL_OTP_CODE' },
}

/** Signs a user in with a password, and asks on the terminal what Cognito wants to know besides. @throws SignInError */
export async function signInByPassword(
  client: AppClient,
  { username, password }: { username: string; password: string },
  terminal: Terminal,
): Promise<Tokens> {
  let answer = await call(client, 'InitiateAuth', {
    AuthFlow: 'USER_PASSWORD_AUTH',
    ClientId: client.clientId,
    AuthParameters: { USERNAME: username, PASSWORD: password },
  })
  for (let count = 0; answer.ChallengeName !== undefined && count < MAX_CHALLENGES; count++) {
    const { ChallengeName: name, Session } = answer
    const asked = QUESTIONS[name]
    if (!asked) throw new SignInError(`Cognito asks for ${name}. Sign in with a browser: headgate login --web`)
    const text = await terminal.ask(asked.question, { isHidden: asked.isHidden ?? false })
    if (!text) throw new SignInError(`Cognito asks for ${name}. Run \`headgate login\` in a terminal to answer.`)
    answer = await call(client, 'RespondToAuthChallenge', {
      ChallengeName: name,
      ClientId: client.clientId,
      Session,
      ChallengeResponses: { USERNAME: username, [asked.answer]: text },
    })
  }
  return tokensOf(answer)
}

/** Returns new tokens for a refresh token. @throws SignInError */
export async function refreshTokens(client: AppClient, refreshToken: string): Promise<Tokens> {
  const answer = await call(client, 'InitiateAuth', {
    AuthFlow: 'REFRESH_TOKEN_AUTH',
    ClientId: client.clientId,
    AuthParameters: { REFRESH_TOKEN: refreshToken },
  })
  // Cognito sends a refresh token only if it replaces the old one.
  return { refreshToken, ...tokensOf(answer) }
}

/** Makes a refresh token invalid. @throws SignInError */
export async function revokeToken(client: AppClient, refreshToken: string): Promise<void> {
  await call(client, 'RevokeToken', { ClientId: client.clientId, Token: refreshToken })
}

function tokensOf({ AuthenticationResult: result, ChallengeName }: Answer): Tokens {
  if (typeof result?.IdToken !== 'string') {
    throw new SignInError(
      `Cognito sent no token${ChallengeName === undefined ? '' : `, and asks for ${ChallengeName}`}.`,
    )
  }
  const { IdToken: idToken, RefreshToken: refreshToken, ExpiresIn = 3_600 } = result
  return { idToken, expiresAt: Date.now() + ExpiresIn * 1_000, ...(refreshToken !== undefined && { refreshToken }) }
}

/** Sends a request that needs no signature. */
async function call({ issuer }: AppClient, action: string, body: unknown): Promise<Answer> {
  const { origin } = new URL(issuer)
  let response: Response
  let text: string
  try {
    response = await fetch(`${origin}/`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': `AWSCognitoIdentityProviderService.${action}`,
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    text = await response.text()
  } catch (cause) {
    throw new SignInError(`${origin}, which signs users in, did not respond.`, { cause })
  }
  const answer = parse(text)
  if (response.ok) return answer as Answer
  const code = String(answer.__type ?? response.status)
    .split('#')
    .at(-1)
  const reason = [code, answer.message ?? answer.Message].filter(part => part !== undefined).join(': ')
  throw new SignInError(`Cognito rejects the sign-in: ${reason.replace(/\.$/, '')}.`)
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = text === '' ? {} : JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    // A proxy answers with HTML. The status tells enough.
    return {}
  }
}
