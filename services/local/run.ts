import { HeadgateError } from '../platform/errors.ts'
import { runMain } from '../platform/main.ts'

/** Runs a command for people: an error that Headgate throws on purpose is said without a stack. Exits with 1 after it. */
export function runForPeople(main: () => Promise<void>): void {
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
