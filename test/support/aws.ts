import type { Test } from 'tap'
import { createLocalClients } from '../../services/local/clients.ts'
import { signIn, type Tokens } from '../../services/local/cognito-wire.ts'
import type { EmbeddedAws, EmbeddedAwsSettings } from '../../services/local/embedded-aws.ts'
import { createUser } from '../../services/local/resources/cognito.ts'
import type { AwsClients } from '../../services/platform/aws.ts'
import { leaseAws } from './shared-servers/lease.ts'
import type { LeaseSettings, SharedAws } from './shared-servers/messages.ts'

interface WithClients extends Omit<AwsClients, 'destroy'> {
  /** The demo user by default. */
  signIn(username?: string, password?: string): Promise<Tokens>
  /** Creates a confirmed user. Resolves to its name and password. */
  createUser(username: string, password?: string): Promise<{ username: string; password: string }>
}

/** An embedded AWS, with clients. */
export interface TestAws extends SharedAws, Pick<EmbeddedAws, 'stop'>, WithClients {}

/** An embedded AWS whose servers belong to the test. */
export interface OwnAws extends EmbeddedAws, WithClients {}

/**
 * Starts an embedded AWS at free ports, with clients, for the duration of the test. Below `npm test`, it consists of servers of the run,
 * with new resources. A file that runs alone starts its own servers.
 */
export async function startAws(t: Pick<Test, 'teardown'>, settings: LeaseSettings = {}): Promise<TestAws> {
  const leased = await leaseAws(settings)
  return leased ? withClients(t, leased) : startOwnAws(t, settings)
}

/** Starts an embedded AWS whose servers no other test uses before or after, for tests of the servers. */
export async function startOwnAws(t: Pick<Test, 'teardown'>, settings: EmbeddedAwsSettings = {}): Promise<OwnAws> {
  // Loaded only here, because a file with leased servers does not need the modules of the servers.
  const { startEmbeddedAws } = await import('../../services/local/embedded-aws.ts')
  return withClients(t, await startEmbeddedAws(settings))
}

/**
 * Creates the folder of a test for the data of servers, and returns its path. tap deletes the folder of a test before it runs the teardowns,
 * unless it has a teardown when the folder is created. Servers that still run would write into the folder meanwhile.
 */
export function createDataFolder(t: Pick<Test, 'teardown' | 'testdir'>): string {
  t.teardown(() => undefined)
  return t.testdir()
}

function withClients<Aws extends SharedAws & Pick<EmbeddedAws, 'stop'>>(
  t: Pick<Test, 'teardown'>,
  aws: Aws,
): Aws & WithClients {
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
