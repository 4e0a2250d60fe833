import type { Context } from 'aws-lambda'

/** What is left of an invocation of a function. */
export type TimeLeft = Pick<Context, 'getRemainingTimeInMillis'>

/** What is under way may take as long. Never more than half of the time is kept for it. */
const RESERVE_MS = 15_000

/**
 * Makes a pass for as long as an invocation lasts, and has it stopped a while before its end: what is under way then comes to
 * its end, and the rest is the next invocation's.
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
