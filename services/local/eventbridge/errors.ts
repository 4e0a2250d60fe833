import { HeadgateError } from '../../platform/errors.ts'

/** An error response to a client: `code` becomes `__type` on the wire. */
export class EventBridgeError extends HeadgateError {
  readonly code:
    | 'InternalException'
    | 'InvalidEventPatternException'
    | 'ResourceNotFoundException'
    | 'SerializationException'
    | 'UnknownOperationException'
    | 'ValidationException'

  constructor(code: EventBridgeError['code'], message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
