import { signIn, type Tokens } from '../../../services/local/cognito-wire.ts'
import { callJson, SecondAwsError, type Target } from './call.ts'

export interface Pool {
  userPoolId: string
  clientId: string
}

/** A user with its tokens. */
export interface SecondUser extends Tokens {
  username: string
  password: string
  /** The `sub` claim of its tokens, which the api uses as the owner. */
  owner: string
  /** The authorization header of its requests. */
  auth: { authorization: string }
}

const PASSWORD = 'Headgate-test-1'

/** Creates a confirmed user if it does not exist, and signs it in. `auth` has the access token. */
export async function createUser(
  target: Target,
  { userPoolId, clientId }: Pool,
  username: string,
  password = PASSWORD,
): Promise<SecondUser> {
  const user = { UserPoolId: userPoolId, Username: username }
  const UserAttributes = [
    { Name: 'email', Value: username },
    { Name: 'email_verified', Value: 'true' },
  ]
  try {
    await callJson(target, 'cognito', 'AdminCreateUser', { ...user, MessageAction: 'SUPPRESS', UserAttributes })
  } catch (error) {
    if (!(error instanceof SecondAwsError && error.type === 'UsernameExistsException')) throw error
  }
  await callJson(target, 'cognito', 'AdminSetUserPassword', { ...user, Password: password, Permanent: true })
  const tokens = await signIn(target.url, { clientId, username, password })
  const auth = { authorization: `Bearer ${tokens.accessToken}` }
  return { ...tokens, username, password, auth, owner: String(claimsOf(tokens.accessToken).sub) }
}

/** Returns the claims of a token without verifying it. */
export function claimsOf(token: string): Record<string, unknown> {
  const [, payload = ''] = token.split('.')
  return JSON.parse(Buffer.from(payload, 'base64url').toString())
}
