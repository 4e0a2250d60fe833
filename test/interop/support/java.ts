import { missingPrograms } from '../../../bench/java/programs.ts'

/** How long a test may take, the building of its programs included. */
export const TIMEOUT_MS = 1_200_000

/** Why the tests with Java are not run, with what it takes to run them; false where they are. */
export const skipped: string | false = whyNot()

function whyNot(): string | false {
  const command = 'HEADGATE_INTEROP=1 npm test -- test/interop/*.test.ts'
  if (process.env.HEADGATE_INTEROP !== '1') {
    return `takes Java, Maven and some minutes, so it runs when asked for: ${command}`
  }
  const missing = missingPrograms()
  return missing.length > 0 && `${missing.join(' and ')} not found: it takes Java 17 and Maven, then ${command}`
}
