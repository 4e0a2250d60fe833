/**
 * The base class of every error that Headgate throws on purpose. `code` is stable and meant for programs. `message` is meant for
 * people and says what to do. `cause` holds the underlying error.
 */
export abstract class HeadgateError extends Error {
  abstract readonly code: string

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = new.target.name
  }
}

/** An environment variable and what is wrong with it. */
export interface ConfigurationFault {
  variable: string
  problem: string
}

/** The environment variables are invalid. The message names every invalid variable, not only the first. */
export class ConfigurationError extends HeadgateError {
  readonly code = 'HEADGATE_CONFIGURATION'
  readonly faults: readonly ConfigurationFault[]

  constructor(faults: readonly ConfigurationFault[]) {
    const lines = faults.map(fault => `  ${fault.variable}: ${fault.problem}`)
    super(`The configuration is invalid. Set these environment variables:\n${lines.join('\n')}`)
    this.faults = faults
  }
}
