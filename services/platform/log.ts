import { type Logger, type LoggerOptions, pino } from 'pino'

export type { Logger }

const REDACTED = '[redacted]'

/** A field that holds a secret, at any depth. The field name stays, so that a reader sees that the field was there. */
const SECRET_FIELD = /"(authorization|cookie|set-cookie|password|accesstoken|idtoken|refreshtoken)":"(?:[^"\\]|\\.)*"/gi

/** A JWT anywhere in the line: in a message, a stack or a URL. It may follow an escaped character such as `\n`. */
const TOKEN = /(?<!(?<!\\)[\w-])eyJ[\w-]+\.[\w-]+(?:\.[\w-]*){0,3}/g

/** A secret of a webhook. */
const WEBHOOK_SECRET = /whsec_[A-Za-z0-9+/=]+/g

/** Redacts secrets in a finished line. Redaction by object paths needs to know every place of a secret, and costs three times as much. */
export function withoutSecrets(line: string): string {
  return line.replace(SECRET_FIELD, `"$1":"${REDACTED}"`).replace(TOKEN, REDACTED).replace(WEBHOOK_SECRET, REDACTED)
}

export interface LogSettings {
  /** The least severe level that is written. */
  level: string
  /** The role of the process, such as `api` or `worker`. It is on every line. */
  role: string
}

/** Returns the options of a logger that writes JSON lines and redacts secrets. */
export function logOptions({ level, role }: LogSettings): LoggerOptions {
  return {
    level,
    base: { role, pid: process.pid },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: label => ({ level: label }) },
    hooks: { streamWrite: withoutSecrets },
  }
}

/** Maximum size of the log that is buffered while stdout cannot be written. Further lines are dropped. */
const MAX_UNWRITTEN_BYTES = 1024 ** 2

export function createLogger(settings: LogSettings): Logger {
  // Synchronous writes get every line out before a crash. The asynchronous destination also blocks the exit if the reader of stdout
  // is gone, because it tries to flush its last lines forever.
  const destination = pino.destination({ fd: 1, sync: true, maxLength: MAX_UNWRITTEN_BYTES })
  destination.once('error', (error: Error) => process.emitWarning(`The log cannot be written: ${error.message}`))
  // A full disk must not end a process that can continue without its log.
  destination.on('error', () => undefined)
  return pino(logOptions(settings), destination)
}
