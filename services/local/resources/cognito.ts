import { CognitoRequestError, callCognito } from '../cognito-wire.ts'

export interface UserSettings {
  userPoolId: string
  username: string
  password: string
}

/** Creates a user, if there is none, with a permanent password and a verified email address. */
export async function createUser(endpoint: string, { userPoolId, username, password }: UserSettings): Promise<void> {
  const user = { UserPoolId: userPoolId, Username: username }
  const attributes = [
    { Name: 'email', Value: username },
    { Name: 'email_verified', Value: 'true' },
  ]
  try {
    await callCognito(endpoint, 'AdminCreateUser', {
      ...user,
      MessageAction: 'SUPPRESS',
      UserAttributes: attributes,
    })
  } catch (error) {
    if (!(error instanceof CognitoRequestError && error.type === 'UsernameExistsException')) throw error
  }
  await callCognito(endpoint, 'AdminSetUserPassword', { ...user, Password: password, Permanent: true })
}
