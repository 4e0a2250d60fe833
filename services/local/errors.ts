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

  constructor(service: string, port: number, options?: { cause?: unknown }) {
    super(
      `Port ${port}, for ${service}, is in use: stop the program that listens on it, or choose another port.`,
      options,
    )
    this.service = service
    this.port = port
  }
}

/** The command line is invalid. The message is written for the person who typed it. */
export class UsageError extends HeadgateError {
  readonly code = 'HEADGATE_USAGE'
}
