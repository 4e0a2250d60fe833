import type { Context } from 'aws-lambda'

/** The part of a function's context that says how much time is left. */
export type TimeLeft = Pick<Context, 'getRemainingTimeInMillis'>

/** Time kept for work in flight, in milliseconds. Never more than half of the invocation. */
const RESERVE_MS = 15_000

/**
 * Runs a pass and stops it some time before the invocation ends. Work in flight then finishes, and the next invocation does the rest.
 */
export async function withinInvocation<T>(
  context: TimeLeft,
  pass: { run(): Promise<T>; stop(): Promise<void> },
): Promise<T> {
  const remaining = context.getRemainingTimeInMillis()
  const timer = setTimeout(() => void pass.stop(), Math.max(remaining / 2, remaining - RESERVE_MS))
  try {
    return await pass.run()
  } finally {
    clearTimeout(timer)
  }
}
