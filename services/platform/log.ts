import { type Logger, type LoggerOptions, pino } from 'pino'

export type { Logger }

/** Where a secret could come past a logger. The value is replaced, the path stays, so that a reader sees that it was there. */
const secrets = [
  'authorization',
  'headers.authorization',
  'req.headers.authorization',
  'req.headers.cookie',
  '*.AccessToken',
  '*.IdToken',
  '*.RefreshToken',
]

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
    redact: { paths: secrets, censor: '[redacted]' },
  }
}

export function createLogger(settings: LogSettings): Logger {
  // Synchronous: a line is out before a crash, and a reader of stdout that has gone cannot hang the exit, as it does with the
  // asynchronous destination, which tries for ever to flush its last lines.
  return pino(logOptions(settings), pino.destination({ fd: 1, sync: true }))
}
