import { HeadgateError } from '../platform/errors.ts'

/** A part of the embedded AWS did not start, or ended by itself. */
export class EmbeddedAwsError extends HeadgateError {
  readonly code = 'HEADGATE_EMBEDDED_AWS'
}

/** A port from the settings is in use. */
export class PortTakenError extends HeadgateError {
  readonly code = 'HEADGATE_PORT_TAKEN'
  readonly service: string
  readonly port: number

  /** @param options.instead how to choose another port, such as a command with a free one */
  constructor(service: string, port: number, options: { cause?: unknown; instead?: string | undefined } = {}) {
    const { cause, instead } = options
    const other = `choose another port${instead === undefined ? '.' : `: ${instead}`}`
    super(`Port ${port}, for ${service}, is in use: stop the program that listens on it, or ${other}`, { cause })
    this.service = service
    this.port = port
  }
}

/** The system refuses a port, because it is reserved for example. */
export class PortRefusedError extends HeadgateError {
  readonly code = 'HEADGATE_PORT_REFUSED'

  constructor(service: string, port: number, options: { cause?: unknown }) {
    const reason = options.cause instanceof Error ? options.cause.message : String(options.cause)
    super(`Port ${port}, for ${service}, cannot be used: ${reason}. Choose another port.`, options)
  }
}

/** The command line is invalid. The message is written for the person who typed it. */
export class UsageError extends HeadgateError {
  readonly code = 'HEADGATE_USAGE'
}
