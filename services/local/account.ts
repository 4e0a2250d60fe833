import { names, userPool } from '../platform/resources.ts'
import type { CognitoPoolDefinition } from './cognito/index.ts'

/**
 * The account of the embedded AWS. AWS would generate these values. They are fixed here, so that a compose file, a curl
 * command and a token from before a restart can name them. None of them is a secret: they give access to nothing but
 * the embedded AWS.
 */
export const account = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'headgate', secretAccessKey: 'headgate-local' },
  userPoolId: 'us-east-1_headgate',
  /** 26 lower-case letters and digits, like the ids of Cognito. */
  userPoolClientId: 'headgate0local0client00001',
  demoUser: { username: 'demo@example.com', password: 'Headgate-demo-1' },
} as const

export const userPoolDefinition: CognitoPoolDefinition = {
  id: account.userPoolId,
  name: names.userPool,
  clients: [{ id: account.userPoolClientId, name: names.userPoolClient, oauth: { scopes: userPool.oauthScopes } }],
}
