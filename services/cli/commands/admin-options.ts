import { ConsumerAdmin, LeaseTableMissingError } from '../../consumer/index.ts'
import { parseStreamIdentifier } from '../../consumer/leases/lease-table-options.ts'
import type { AwsClients } from '../../platform/aws.ts'
import { NothingFoundError, UsageError } from '../errors.ts'
import { streamOf } from './stream/stream.ts'

/** The options of the commands that read or change leases. */
export const adminOptions = {
  stream: {
    type: 'string',
    value: 'STREAM',
    description: 'the stream, by its name or its ARN, instead of that of STREAM_NAME',
  },
  'lease-table': {
    type: 'string',
    value: 'NAME',
    description: 'the lease table, if its name is not that of the application',
  },
  'stream-identifier': {
    type: 'string',
    value: 'ID',
    description:
      'if several streams share the lease table, the leases to use: ACCOUNT:STREAM:CREATION_EPOCH. Found by itself unless the stream has several',
  },
} as const

export interface AdminCommandOptions {
  stream?: string | undefined
  'lease-table'?: string | undefined
  'stream-identifier'?: string | undefined
}

export interface AdminSettings extends Pick<AwsClients, 'kinesis' | 'dynamodb'> {
  applicationName: string
  config: { AWS_REGION: string; STREAM_NAME: string }
}

/**
 * Creates the admin of the application and the stream on the command line. If several streams share the lease table, uses
 * the leases of this stream.
 *
 * @throws UsageError, or NothingFoundError if the table has only leases of other streams
 */
export async function createAdmin(options: AdminCommandOptions, settings: AdminSettings): Promise<ConsumerAdmin> {
  const { applicationName, kinesis, dynamodb, config } = settings
  const stream = streamOf(options.stream, config)
  const name = options['lease-table']
  const table = name === undefined ? {} : { name }
  const streamIdentifier =
    options['stream-identifier'] ??
    chooseIdentifier(stream, await identifiersIn({ applicationName, dynamodb, leaseTable: table }))
  return new ConsumerAdmin({
    ...{ applicationName, kinesis, dynamodb },
    ...(stream.streamArn === undefined ? { streamName: stream.streamName } : { streamArn: stream.streamArn }),
    leaseTable: streamIdentifier === undefined ? table : { ...table, streamIdentifier },
  })
}

async function identifiersIn(settings: Parameters<typeof ConsumerAdmin.streamIdentifiers>[0]): Promise<string[]> {
  try {
    return await ConsumerAdmin.streamIdentifiers(settings)
  } catch (error) {
    if (error instanceof LeaseTableMissingError) return [] // The command itself reports this, or creates the table.
    throw error
  }
}

function chooseIdentifier(
  { streamName, account }: { streamName: string; account: string | undefined },
  identifiers: readonly string[],
): string | undefined {
  const [found, ...others] = identifiers.filter(identifier => {
    const parsed = parseStreamIdentifier(identifier)
    return parsed?.streamName === streamName && (account === undefined || account === parsed.account)
  })
  if (others.length > 0) {
    throw new UsageError(
      `The lease table has leases of ${others.length + 1} streams named '${streamName}'. Choose one with --stream-identifier: ${[found, ...others].join(', ')}.`,
    )
  }
  if (found === undefined && identifiers.length > 0) {
    throw new NothingFoundError(
      `The lease table has no leases of the stream '${streamName}'. It has those of ${identifiers.join(', ')}.`,
    )
  }
  return found
}
