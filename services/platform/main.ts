import { ConfigurationError } from './errors.ts'

/**
 * Runs the entry function of a process. If it rejects, the error is written to stderr and the process exits with 1. A configuration
 * error is written without a stack.
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
