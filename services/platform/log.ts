import { type Logger, type LoggerOptions, pino } from 'pino'

export type { Logger }

const REDACTED = '[redacted]'

/** A field that holds a secret, however deep it lies. The name stays, so that a reader sees that it was there. */
const SECRET_FIELD = /"(authorization|cookie|set-cookie|password|accesstoken|idtoken|refreshtoken)":"(?:[^"\\]|\\.)*"/gi

/** A JWT wherever it stands: in a message, in a stack, in a URL. It may follow an escaped character, as `\n`. */
const TOKEN = /(?<!(?<!\\)[\w-])eyJ[\w-]+\.[\w-]+(?:\.[\w-]*){0,3}/g

/** On the line as it is written: paths into objects would have to foresee where a secret lies, and cost three times as much. */
function withoutSecrets(line: string): string {
  return line.replace(SECRET_FIELD, `"$1":"${REDACTED}"`).replace(TOKEN, REDACTED)
}

export interface LogSettings {
  /** The least severe level that is written. */
  level: string
  /** The process's role, on every line: `api`, `worker`, … */
  role: string
}

/** The options of a logger that writes JSON lines to stdout, without secrets. */
export function logOptions({ level, role }: LogSettings): LoggerOptions {
  return {
    level,
    base: { role, pid: process.pid },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: label => ({ level: label }) },
    hooks: { streamWrite: withoutSecrets },
  }
}

/** How much of a log is held while it cannot be written. Lines beyond that are dropped. */
const MAX_UNWRITTEN_BYTES = 1024 ** 2

export function createLogger(settings: LogSettings): Logger {
  // Synchronous: a line is out before a crash, and a reader of stdout that has gone cannot hang the exit, as it does with the
  // asynchronous destination, which tries for ever to flush its last lines.
  const destination = pino.destination({ fd: 1, sync: true, maxLength: MAX_UNWRITTEN_BYTES })
  destination.once('error', (error: Error) => process.emitWarning(`The log cannot be written: ${error.message}`))
  // A full disk must not end a process that could go on without its log.
  destination.on('error', () => undefined)
  return pino(logOptions(settings), destination)
}
