import { randomUUID } from 'node:crypto'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { account } from '../account.ts'
import { ACCOUNT_ID, busNameOf, DEFAULT_BUS } from './names.ts'

export const putEventsInput = Type.Object({
  Entries: Type.Array(
    Type.Object({
      Source: Type.Optional(Type.String()),
      DetailType: Type.Optional(Type.String()),
      Detail: Type.Optional(Type.String()),
      Time: Type.Optional(Type.Number()),
      Resources: Type.Optional(Type.Array(Type.String())),
      EventBusName: Type.Optional(Type.String({ minLength: 1 })),
    }),
    { minItems: 1, maxItems: 10 },
  ),
})

type Entry = Static<typeof putEventsInput>['Entries'][number]

/** Maximum size of the entries of a request, in bytes. */
export const MAX_ENTRIES_BYTES = 1024 ** 2

/** An event as targets get it. */
export interface BusEvent {
  version: '0'
  id: string
  'detail-type': string
  source: string
  account: string
  time: string
  region: string
  resources: string[]
  detail: unknown
}

export type EntryResult = { event: BusEvent; bus: string } | { ErrorCode: string; ErrorMessage: string }

/** Turns an entry into an event, or says why AWS would refuse the entry. The other entries of a request are not affected. */
export function toEvent(entry: Entry): EntryResult {
  const { Source = '', DetailType = '', Detail = '', Resources = [], EventBusName = DEFAULT_BUS } = entry
  for (const [name, value] of Object.entries({ Source, DetailType, Detail })) {
    if (value === '')
      return refused('InvalidArgument', `Parameter ${name} is not valid. Reason: ${name} is a required argument.`)
  }
  if (/^aws\./i.test(Source)) return refused('NotAuthorizedForSourceException', 'Not authorized for the source.')
  const detail = parseObject(Detail)
  if (detail === undefined) return refused('MalformedDetail', 'Detail is malformed.')
  const time = new Date(entry.Time === undefined ? Date.now() : entry.Time * 1_000)
  if (Number.isNaN(time.getTime())) return refused('InvalidArgument', 'Parameter Time is not valid.')
  const event: BusEvent = {
    version: '0',
    id: randomUUID(),
    'detail-type': DetailType,
    source: Source,
    account: ACCOUNT_ID,
    time: time.toISOString().replace(/\.\d+Z$/, 'Z'),
    region: account.region,
    resources: Resources,
    detail,
  }
  return { event, bus: busNameOf(EventBusName) }
}

/**
 * Returns the size of an entry as AWS counts it.
 *
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevent-size
 */
export function sizeOf({ Source = '', DetailType = '', Detail = '', Time, Resources = [] }: Entry): number {
  const texts = [Source, DetailType, Detail, ...Resources]
  return texts.reduce((bytes, text) => bytes + Buffer.byteLength(text), Time === undefined ? 0 : 14)
}

function refused(ErrorCode: string, ErrorMessage: string): EntryResult {
  return { ErrorCode, ErrorMessage }
}

function parseObject(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return Value.Check(Type.Object({}), value) ? value : undefined
  } catch {
    return undefined
  }
}
