import { HeadgateError } from '../platform/errors.ts'

/** A part of the embedded AWS does not start, or ended by itself. */
export class EmbeddedAwsError extends HeadgateError {
  readonly code = 'HEADGATE_EMBEDDED_AWS'
}

/** A port that was asked for is not free. */
export class PortTakenError extends HeadgateError {
  readonly code = 'HEADGATE_PORT_TAKEN'
  readonly service: string
  readonly port: number

  constructor(service: string, port: number, options?: { cause?: unknown }) {
    super(`Port ${port}, for ${service}, is taken: stop what listens on it, or choose another port.`, options)
    this.service = service
    this.port = port
  }
}

/** The command line cannot be used. The message is for the person who typed it. */
export class UsageError extends HeadgateError {
  readonly code = 'HEADGATE_USAGE'
}
