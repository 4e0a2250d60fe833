import type { Clock } from '../clock.ts'
import type { ConsumerEvents } from '../events.ts'
import type { EventOrigin } from './emitter.ts'

/** Writes log lines: an object with fields, and a message. A logger of pino has this shape, and so has `console`. */
export interface ConsumerLogger {
  /** Writes what happens all the time, such as a checkpoint. */
  debug(fields: object, message: string): void
  /** Writes what happens rarely, such as a lease that the worker takes. */
  info(fields: object, message: string): void
  /** Writes what went wrong and is retried. */
  warn(fields: object, message: string): void
  /** Writes what needs a person. */
  error(fields: object, message: string): void
}

type Level = keyof ConsumerLogger

interface Line<Event> {
  readonly level: Level
  readonly message: string
  /**
   * Lines of one kind are written once a minute. Omitted for events of which every one is written. Errors and operations
   * of different kinds need a line of their own.
   */
  readonly kindOf?: (event: Event) => string
}

/** Milliseconds between two lines of one kind. */
const INTERVAL_MS = 60_000

/** Maximum number of kinds that are remembered. The names of errors may come from anywhere. */
const MAX_KINDS = 1_000

/** The log lines of the events. Events of single records that succeed have none. */
const LINES: { readonly [Name in keyof ConsumerEvents]?: Line<ConsumerEvents[Name][0]> } = {
  leaseAcquired: { level: 'info', message: 'lease acquired' },
  leaseLost: { level: 'info', message: 'lease released or lost' },
  shardEnded: { level: 'info', message: 'shard ended' },
  breakerClosed: { level: 'info', message: 'the dependency has recovered: records start again' },
  leaseRenewed: { level: 'debug', message: 'lease renewed' },
  checkpointed: { level: 'debug', message: 'checkpoint written' },
  recordsFetched: { level: 'debug', message: 'records fetched' },
  batchHandled: { level: 'debug', message: 'batch handled' },
  readsThrottled: {
    level: 'info',
    message: 'Kinesis throttles reads, usually because other applications poll the shards',
  },
  aggregateOutsideShard: { level: 'debug', message: 'an aggregated record contains keys of another shard' },
  recordFailed: { level: 'warn', message: 'record failed and will be retried', kindOf: event => nameOf(event.error) },
  batchFailed: { level: 'warn', message: 'batch failed and will be retried', kindOf: event => nameOf(event.error) },
  recordDeadLettered: { level: 'warn', message: 'record dead-lettered', kindOf: event => nameOf(event.error) },
  deadLetterFailed: {
    level: 'warn',
    message: 'a dead letter could not be stored and will be retried',
    kindOf: event => nameOf(event.error),
  },
  breakerOpened: {
    level: 'warn',
    message: 'a dependency fails: no records start until it recovers',
    kindOf: () => '',
  },
  fault: {
    level: 'warn',
    message: 'a call to AWS failed and will be retried',
    kindOf: event => `${event.operation} ${nameOf(event.error)}`,
  },
  // `npm start` shows these two lines.
  paused: { level: 'warn', message: 'processing is paused' },
  resumed: { level: 'info', message: 'processing is resumed' },
  shardsUnread: {
    level: 'warn',
    message: 'nobody reads these shards, because every worker has its maximum number of leases',
  },
  hashRangeHole: { level: 'error', message: 'no worker reads the records of this hash key', kindOf: () => '' },
  failed: { level: 'error', message: 'the consumer cannot continue, and stops' },
}

interface Kind {
  /** Monotonic time of the last line. */
  writtenAt: number
  /** Number of events since then. */
  suppressed: number
}

export interface EventLogSettings {
  logger: ConsumerLogger
  origin: EventOrigin
  clock: Pick<Clock, 'now'>
}

/**
 * Writes the events of a consumer to a logger. A fault is written once per kind and minute, because a fault often
 * affects every record: the next line of its kind says in `suppressed` how many were left out.
 */
export class EventLog {
  readonly #settings: EventLogSettings
  readonly #kinds = new Map<string, Kind>()

  constructor(settings: EventLogSettings) {
    this.#settings = settings
  }

  /** Writes the line of an event, if it has one and the line is due. Never throws. */
  write<Name extends keyof ConsumerEvents>(name: Name, event: ConsumerEvents[Name][0]): void {
    const line = LINES[name]
    if (!line) return
    const suppressed = line.kindOf ? this.#suppressedBefore(`${name} ${line.kindOf(event)}`) : 0
    if (suppressed === undefined) return
    const { logger, origin } = this.#settings
    const fields = { event: name, ...origin, ...fieldsOf(event), ...(suppressed > 0 && { suppressed }) }
    try {
      logger[line.level](fields, line.message)
    } catch (error) {
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
      const warning = `The logger of a KinesisConsumer failed at the event '${name}'. The consumer continues.`
      process.emitWarning(warning, { code: 'CONSUMER_LOGGER', detail })
    }
  }

  /** Returns how many events of this kind were left out before this one; undefined if this one is left out, too. */
  #suppressedBefore(kind: string): number | undefined {
    const now = this.#settings.clock.now()
    const known = this.#kinds.get(kind)
    if (known && now - known.writtenAt < INTERVAL_MS) {
      known.suppressed++
      return undefined
    }
    if (!known && this.#kinds.size >= MAX_KINDS) this.#kinds.clear()
    this.#kinds.set(kind, { writtenAt: now, suppressed: 0 })
    return known?.suppressed ?? 0
  }
}

/** Returns the fields of a line. The error has the name under which pino writes errors. A record may be large or secret. */
function fieldsOf(event: object): object {
  const { error, record, ...fields } = event as { error?: unknown; record?: unknown }
  return error === undefined ? fields : { err: error, ...fields }
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const code: unknown = Reflect.get(error, 'code')
  return typeof code === 'string' ? `${error.name} ${code}` : error.name
}

/**
 * Returns the logger of a consumer without the option `logger`: one line of text on stderr for each warning and error,
 * with the stack of the error below it.
 */
export function createStderrLogger(write = (text: string): unknown => process.stderr.write(text)): ConsumerLogger {
  const log = (level: string) => (fields: object, message: string) => {
    const { err, ...others } = fields as { err?: unknown }
    const stack = err instanceof Error ? (err.stack ?? err.message) : String(err)
    const trace = err === undefined ? '' : `\n  ${stack.replaceAll('\n', '\n  ')}`
    write(`${new Date().toISOString()} kinesis-consumer ${level}: ${message} ${textOf(others)}${trace}\n`)
  }
  return { debug: () => undefined, info: () => undefined, warn: log('warning'), error: log('error') }
}

/** Returns the fields as `name=value`, with quotes around a text that has blanks. */
function textOf(fields: object): string {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined)
  const show = (value: unknown) =>
    typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)
  return given.map(([name, value]) => `${name}=${show(value)}`).join(' ')
}
