import { issuerOf } from '../../../platform/config/api.ts'
import { SignInError, UsageError } from '../../errors.ts'
import type { Terminal } from '../../terminal.ts'
import type { DoctorConfig } from '../config.ts'
import { explain } from '../explain.ts'
import { fetchText, parseJsonObject } from '../http.ts'

const TIMEOUT_MS = 20_000

/**
 * Returns API_TOKEN, or the id token of a sign-in with HEADGATE_USERNAME and HEADGATE_PASSWORD. Asks the terminal for those that are not
 * set. An id token works behind both kinds of API Gateway.
 *
 * @throws UsageError if the user is unknown and there is no terminal
 * @throws SignInError if Cognito rejects the sign-in or cannot be reached
 */
export async function getToken(config: DoctorConfig, terminal: Terminal): Promise<string> {
  if (config.API_TOKEN !== undefined) return config.API_TOKEN
  const username = config.HEADGATE_USERNAME ?? (await terminal.ask('User name: '))
  const password = config.HEADGATE_PASSWORD ?? (await terminal.ask('Password: ', { isHidden: true }))
  if (!username || !password) {
    throw new UsageError(
      '`--deep` needs a user: set API_TOKEN, or HEADGATE_USERNAME and HEADGATE_PASSWORD, or run the command in a terminal.',
    )
  }
  // The sign-in endpoint of Cognito has the same host as its issuer.
  const endpoint = new URL(issuerOf(config)).origin
  const response = fetchText(
    `${endpoint}/`,
    {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': 'AWSCognitoIdentityProviderService.InitiateAuth',
      },
      body: JSON.stringify({
        AuthFlow: 'USER_PASSWORD_AUTH',
        ClientId: config.COGNITO_CLIENT_ID,
        AuthParameters: { USERNAME: username, PASSWORD: password },
      }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    },
    { action: 'cognito-idp:InitiateAuth', resource: endpoint, variable: 'COGNITO_USER_POOL_ID' },
  )
  const { status, text } = await response.catch((cause: unknown) => {
    const finding = explain(cause)
    throw finding ? new SignInError(`${finding.seen}. ${finding.advice}`, { cause }) : cause
  })
  const answer = parseJsonObject(text) ?? {}
  const { IdToken: token } = (answer.AuthenticationResult ?? {}) as Record<string, unknown>
  if (typeof token === 'string') return token
  if (typeof answer.ChallengeName === 'string') {
    throw new SignInError(
      `Cognito asks for ${answer.ChallengeName}, which this command does not support. Sign in with another program, and set API_TOKEN to the id token.`,
    )
  }
  const code = String(answer.__type ?? status)
    .split('#')
    .at(-1)
  throw new SignInError(
    `Cognito rejects the sign-in: ${code}: ${answer.message ?? answer.Message ?? ''} Check the user, the password, COGNITO_CLIENT_ID and AWS_REGION.`,
  )
}
