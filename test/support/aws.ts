import type { Test } from 'tap'
import { createLocalClients } from '../../services/local/clients.ts'
import { signIn, type Tokens } from '../../services/local/cognito-wire.ts'
import { type EmbeddedAws, type EmbeddedAwsSettings, startEmbeddedAws } from '../../services/local/embedded-aws.ts'
import { createUser } from '../../services/local/resources/cognito.ts'
import type { AwsClients } from '../../services/platform/aws.ts'

export interface TestAws extends EmbeddedAws, Omit<AwsClients, 'destroy'> {
  /** The demo user by default. */
  signIn(username?: string, password?: string): Promise<Tokens>
  /** Creates a confirmed user. Resolves to its name and password. */
  createUser(username: string, password?: string): Promise<{ username: string; password: string }>
}

/** Starts an embedded AWS at free ports, with clients, for the duration of the test. */
export async function startAws(t: Pick<Test, 'teardown'>, settings: EmbeddedAwsSettings = {}): Promise<TestAws> {
  const aws = await startEmbeddedAws(settings)
  t.teardown(() => aws.stop())
  const clients = createLocalClients(aws.endpoints)
  t.teardown(() => clients.destroy())
  const clientId = aws.env.COGNITO_CLIENT_ID ?? ''
  return {
    ...aws,
    s3: clients.s3,
    dynamodb: clients.dynamodb,
    kinesis: clients.kinesis,
    signIn: (username = aws.user.username, password = aws.user.password) =>
      signIn(aws.endpoints.cognito, { clientId, username, password }),
    createUser: async (username, password = 'Headgate-test-1') => {
      await createUser(aws.endpoints.cognito, { userPoolId: aws.env.COGNITO_USER_POOL_ID ?? '', username, password })
      return { username, password }
    },
  }
}
