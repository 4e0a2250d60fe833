import { HeadgateError } from '../../../platform/errors.ts'

/** A step had an unexpected result. The message is what was seen, and `advice` says what to do. */
export class StepFailedError extends HeadgateError {
  readonly code = 'HEADGATE_STEP_FAILED'
  readonly advice: string

  constructor(seen: string, advice: string) {
    super(seen)
    this.advice = advice
  }
}
