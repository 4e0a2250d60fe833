import { HeadgateError } from '../platform/errors.ts'

const TIMEOUT_MS = 10_000

/** Cognito rejected a request. `type` is Cognito's name of the error, such as `NotAuthorizedException`. */
export class CognitoRequestError extends HeadgateError {
  readonly code = 'HEADGATE_COGNITO_REQUEST'
  readonly type: string

  constructor(action: string, type: string, message: string) {
    super(`${action}: ${type}: ${message}`)
    this.type = type
  }
}

export interface Tokens {
  idToken: string
  accessToken: string
}

/** Signs a user in with a user name and a password. */
export async function signIn(
  endpoint: string,
  { clientId, username, password }: { clientId: string; username: string; password: string },
): Promise<Tokens> {
  const answer = await callCognito(endpoint, 'InitiateAuth', {
    AuthFlow: 'USER_PASSWORD_AUTH',
    ClientId: clientId,
    AuthParameters: { USERNAME: username, PASSWORD: password },
  })
  const { IdToken: idToken, AccessToken: accessToken } = (answer.AuthenticationResult ?? {}) as Record<string, unknown>
  if (typeof idToken !== 'string' || typeof accessToken !== 'string') {
    throw new CognitoRequestError('InitiateAuth', 'NoTokens', `the response has no tokens: ${Object.keys(answer)}`)
  }
  return { idToken, accessToken }
}

/**
 * Sends one request in Cognito's JSON 1.1 protocol. The SDK's client is not used, because three operations are not
 * worth its size.
 *
 * @throws CognitoRequestError
 */
export async function callCognito(
  endpoint: string,
  action: string,
  input: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `AWSCognitoIdentityProviderService.${action}`,
    },
    body: JSON.stringify(input),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  const text = await response.text()
  const answer = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>
  if (response.ok) return answer
  throw new CognitoRequestError(action, String(answer.__type), String(answer.message ?? answer.Message))
}
