/**
 * The root of every error that Headgate throws on purpose: `code` is stable and meant for programs, `message` says what
 * to do and is meant for people, `cause` keeps what went wrong underneath.
 */
export abstract class HeadgateError extends Error {
  abstract readonly code: string

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = new.target.name
  }
}

/** One variable of the environment and what is wrong with it. */
export interface ConfigurationFault {
  variable: string
  problem: string
}

/** The environment cannot configure the process. Names every variable at fault, not only the first. */
export class ConfigurationError extends HeadgateError {
  readonly code = 'HEADGATE_CONFIGURATION'
  readonly faults: readonly ConfigurationFault[]

  constructor(faults: readonly ConfigurationFault[]) {
    const lines = faults.map(fault => `  ${fault.variable}: ${fault.problem}`)
    super(`The configuration cannot be used. Set these environment variables:\n${lines.join('\n')}`)
    this.faults = faults
  }
}
