import { HeadgateError } from '../platform/errors.ts'
import { runMain } from '../platform/main.ts'

/** These commands write uploads, users, tokens and keys. No other user of the machine may read them. */
const PRIVATE_UMASK = 0o077

/**
 * Runs a command. Files that it and its child processes write are readable by their owner only. A HeadgateError is
 * printed without a stack trace, and the exit code is 1.
 */
export function runForPeople(main: () => Promise<void>): void {
  process.umask(PRIVATE_UMASK)
  runMain(async () => {
    try {
      await main()
    } catch (error) {
      if (!(error instanceof HeadgateError)) throw error
      process.stderr.write(`${error.message}\n`)
      process.exit(1)
    }
  })
}
