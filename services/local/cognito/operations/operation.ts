import type { Static, TObject } from 'typebox'
import { Compile } from 'typebox/compile'
import type { Challenges } from '../challenges.ts'
import type { Mailbox } from '../mailbox.ts'
import type { UserPools } from '../pools/state.ts'
import { checkInput } from './input.ts'

/** What an operation works on. */
export interface Context {
  pools: UserPools
  challenges: Challenges
  mailbox: Mailbox
  issuer(poolId: string): string
  /** milliseconds since 1970 */
  now(): number
}

/** An operation of Cognito's API, under the name that `X-Amz-Target` gives it. */
export interface Operation {
  name: string
  /** Whether it changes what has to outlast a restart: then it is saved before the answer goes out. */
  writes: boolean
  /** @throws CognitoError */
  run(input: unknown, context: Context): Promise<object>
}

interface Definition<S extends TObject> {
  name: string
  input: S
  writes?: boolean
  /** Changes nothing before the last thing that can fail, and everything after it without a pause. */
  run(input: Static<S>, context: Context): object | Promise<object>
}

/** Makes an operation whose input is checked before it runs. */
export function operation<S extends TObject>({ name, input, writes = false, run }: Definition<S>): Operation {
  const validator = Compile(input)
  return {
    name,
    writes,
    async run(value, context) {
      checkInput(validator.Errors(value))
      return run(value as Static<S>, context)
    },
  }
}

/** A time as the wire has it: seconds since 1970. */
export function toTimestamp(ms: number): number {
  return ms / 1000
}
