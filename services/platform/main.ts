import { ConfigurationError } from './errors.ts'

/**
 * Runs a process's entry. What it throws before it serves is written to stderr, for a person where the configuration is
 * at fault, and the process exits with 1.
 */
export function runMain(main: () => Promise<void>): void {
  main().catch((error: unknown) => {
    process.stderr.write(`${describe(error)}\n`)
    process.exit(1)
  })
}

function describe(error: unknown): string {
  if (error instanceof ConfigurationError) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
