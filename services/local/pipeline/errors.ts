import { HeadgateError } from '../../platform/errors.ts'
import type { ChildDeath } from './children.ts'

/** The api or a worker ended by itself. */
export class ChildDiedError extends HeadgateError {
  readonly code = 'HEADGATE_CHILD_DIED'

  constructor({ name, how, lastLines }: ChildDeath) {
    super(`The ${name} ended by itself (${how}). Its last lines:\n${indent(lastLines || '(it wrote nothing)')}`)
  }
}

/** A step of the demo failed. */
export class DemoError extends HeadgateError {
  readonly code = 'HEADGATE_DEMO'
}

/** The api did not become ready, so nothing can be uploaded. */
export class ApiNotReadyError extends HeadgateError {
  readonly code = 'HEADGATE_API_NOT_READY'
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ')
}
