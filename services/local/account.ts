import { names } from '../platform/resources.ts'
import type { CognitoPoolDefinition } from './cognito/index.ts'

/**
 * The account of the embedded AWS: what AWS would make up, fixed, so that a compose file, a curl line and a token that
 * outlived a restart can name it. None of it is a secret: it opens nothing but the embedded AWS.
 */
export const account = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'headgate', secretAccessKey: 'headgate-local' },
  userPoolId: 'us-east-1_headgate',
  /** 26 lower-case letters and digits, as Cognito's are. */
  userPoolClientId: 'headgate0local0client00001',
  demoUser: { username: 'demo@example.com', password: 'Headgate-demo-1' },
} as const

export const userPoolDefinition: CognitoPoolDefinition = {
  id: account.userPoolId,
  name: names.userPool,
  clients: [{ id: account.userPoolClientId, name: names.userPoolClient }],
}
