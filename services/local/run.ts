import { HeadgateError } from '../platform/errors.ts'
import { runMain } from '../platform/main.ts'

/** What these commands write holds uploads, users, tokens and keys: nobody else on the machine may read it. */
const PRIVATE_UMASK = 0o077

/** Runs a command for people, whose files and those of its children are private: an error that Headgate throws on purpose is said without a stack. Exits with 1 after it. */
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
