import { parseStreamArn, type StreamRef } from '../kinesis/stream-ref.ts'
import { boundedNumber, onlyKnown, wrong } from '../option-checks.ts'

/**
 * Options of the lease table. All except `name` and `streamIdentifier` apply only when a worker creates the table. A table
 * that exists is never changed.
 */
export interface LeaseTableOptions {
  /** Name of the table. 3 to 255 of letters, digits, `_`, `.` and `-`. Default the name of the application. */
  name?: string
  /**
   * Identifies the stream in a table that several streams share, in the format of KCL:
   * `ACCOUNT:STREAM:CREATION_EPOCH`. The consumer then reads and writes only the leases of this stream, whose lease keys
   * begin with the identifier. Beside workers of KCL, use the identifier that their StreamTracker uses. Default: the
   * table has the leases of one stream, and the lease key is the shard id.
   */
  streamIdentifier?: string
  /** Tags of the table: up to 50 names of 1 to 128 characters, with values of up to 256. Default none. */
  tags?: Readonly<Record<string, string>>
  /** True if the table cannot be deleted until somebody switches this off. Default false. */
  deletionProtection?: boolean
  /** True if the table can be restored to any second of the last 35 days. Default false. */
  pointInTimeRecovery?: boolean
  /**
   * Provisioned capacity in units per second, from 1 to 40,000 each, instead of on-demand billing. With too little
   * capacity, workers cannot renew their leases in time.
   */
  provisioned?: { readonly readUnits: number; readonly writeUnits: number }
}

/** The options of a lease table, with all defaults. */
export interface ResolvedLeaseTable {
  readonly name: string
  readonly streamIdentifier: string | undefined
  readonly tags: ReadonlyArray<{ readonly Key: string; readonly Value: string }>
  readonly deletionProtection: boolean
  readonly pointInTimeRecovery: boolean
  readonly provisioned: { readonly readUnits: number; readonly writeUnits: number } | undefined
}

const NAMES: Record<keyof LeaseTableOptions, true> = {
  name: true,
  streamIdentifier: true,
  tags: true,
  deletionProtection: true,
  pointInTimeRecovery: true,
  provisioned: true,
}

const UNIT_NAMES = { readUnits: true, writeUnits: true } as const
const MAX_UNITS = 40_000
const MAX_TAGS = 50
const MAX_TAG_NAME = 128
const MAX_TAG_VALUE = 256

/**
 * Validates the options and fills in the defaults.
 *
 * @param applicationName the default name; valid as a name of a table
 * @throws ConsumerOptionError
 */
export function resolveLeaseTable(
  given: LeaseTableOptions | undefined,
  applicationName: string,
  stream: StreamRef,
): ResolvedLeaseTable {
  const options = onlyKnown('leaseTable', given ?? {}, NAMES)
  const isOn = (name: 'deletionProtection' | 'pointInTimeRecovery') => {
    const value = options[name]
    if (value === undefined || typeof value === 'boolean') return value ?? false
    throw wrong(`leaseTable.${name}`, value, 'true or false')
  }
  return Object.freeze({
    name: options.name === undefined ? applicationName : tableName('leaseTable.name', options.name),
    streamIdentifier:
      options.streamIdentifier === undefined ? undefined : streamIdentifier(options.streamIdentifier, stream),
    tags: tagsOf(options.tags),
    deletionProtection: isOn('deletionProtection'),
    pointInTimeRecovery: isOn('pointInTimeRecovery'),
    provisioned: provisionedOf(options.provisioned),
  })
}

/** @throws ConsumerOptionError unless the value is a valid name of a DynamoDB table */
export function tableName(name: string, value: unknown): string {
  if (typeof value === 'string' && /^[a-zA-Z0-9_.-]{3,255}$/.test(value)) return value
  throw wrong(name, value, 'the name of a DynamoDB table: 3 to 255 of letters, digits, "_", "." and "-"')
}

const STREAM_IDENTIFIER = /^(?<account>\d{12}):(?<streamName>[^:]+):[1-9]\d*$/

/** Returns the parts of KCL's identifier of a stream; undefined if the text is none. */
export function parseStreamIdentifier(text: string): { account: string; streamName: string } | undefined {
  const { account, streamName } = STREAM_IDENTIFIER.exec(text)?.groups ?? {}
  return account === undefined || streamName === undefined ? undefined : { account, streamName }
}

/** The identifier of another stream would give the leases of that stream to readers of this one. */
function streamIdentifier(value: unknown, { streamName, streamArn }: StreamRef): string {
  const parsed = typeof value === 'string' ? parseStreamIdentifier(value) : undefined
  const arn = streamArn === undefined ? undefined : parseStreamArn(streamArn)
  const isOfStream = parsed?.streamName === streamName && (arn === undefined || arn.account === parsed.account)
  if (typeof value === 'string' && isOfStream) return value
  const expected = `'${arn?.account ?? 'ACCOUNT'}:${streamName}:CREATION_EPOCH' with the creation time of the stream in epoch seconds`
  throw wrong('leaseTable.streamIdentifier', value, expected)
}

function tagsOf(tags: LeaseTableOptions['tags'] = {}): ResolvedLeaseTable['tags'] {
  if (typeof tags !== 'object' || tags === null) throw wrong('leaseTable.tags', tags, 'an object of names and values')
  const pairs = Object.entries(tags)
  if (pairs.length > MAX_TAGS) throw wrong('leaseTable.tags', pairs.length, `at most ${MAX_TAGS} tags`)
  for (const [name, value] of pairs) {
    const isName = name.length >= 1 && name.length <= MAX_TAG_NAME && !/^aws:/i.test(name)
    if (!isName)
      throw wrong('leaseTable.tags', name, `names of 1 to ${MAX_TAG_NAME} characters without the prefix 'aws:'`)
    if (typeof value === 'string' && value.length <= MAX_TAG_VALUE) continue
    throw wrong(`leaseTable.tags.${name}`, value, `a string of up to ${MAX_TAG_VALUE} characters`)
  }
  return pairs.map(([Key, Value]) => ({ Key, Value }))
}

function provisionedOf(given: LeaseTableOptions['provisioned']): ResolvedLeaseTable['provisioned'] {
  if (given === undefined) return undefined
  onlyKnown('leaseTable.provisioned', given, UNIT_NAMES)
  const units = (name: keyof typeof UNIT_NAMES) => {
    const value: unknown = given[name]
    if (value === undefined) throw wrong(`leaseTable.provisioned.${name}`, value, `an integer from 1 to ${MAX_UNITS}`)
    return boundedNumber(`leaseTable.provisioned.${name}`, value, [1, MAX_UNITS, 1])
  }
  return { readUnits: units('readUnits'), writeUnits: units('writeUnits') }
}
