import type { Static, TObject } from 'typebox'
import { Compile } from 'typebox/compile'
import type { Challenges } from '../challenges.ts'
import type { Mailbox } from '../mailbox.ts'
import type { UserPools } from '../pools/state.ts'
import { checkInput } from './input.ts'
import type { SrpExchanges } from './srp-auth.ts'

/** The state that operations read and change. */
export interface Context {
  pools: UserPools
  challenges: Challenges
  srp: SrpExchanges
  mailbox: Mailbox
  /** The cost parameter N of scrypt for new hashes. */
  passwordCost: number
  issuer(poolId: string): string
  /** Milliseconds since 1970. */
  now(): number
}

/** An operation of Cognito's API. `name` is the one in `X-Amz-Target`. */
export interface Operation {
  name: string
  /**
   * True if the operation changes the state that survives a restart. The state is then saved before the response is
   * sent.
   */
  writes: boolean
  /** @throws CognitoError */
  run(input: unknown, context: Context): Promise<object>
}

interface Definition<S extends TObject> {
  name: string
  input: S
  writes?: boolean
  /** Must change the state only after everything that can fail, and then synchronously. */
  run(input: Static<S>, context: Context): object | Promise<object>
}

/** Creates an operation whose input is validated before it runs. */
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

/** Returns a time as the protocol has it: seconds since 1970. */
export function toTimestamp(ms: number): number {
  return ms / 1000
}
