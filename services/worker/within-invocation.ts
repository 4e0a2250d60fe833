import type { Context } from 'aws-lambda'

/** What is left of an invocation of a function. */
export type TimeLeft = Pick<Context, 'getRemainingTimeInMillis'>

/**
 * Makes a pass for as long as an invocation lasts, and has it stopped a while before its end: what is under way then comes to
 * its end, and the rest is the next invocation's.
 *
 * @param reserveMs how long what is under way may take, in milliseconds. Never more than half of the time is kept for it
 */
export async function withinInvocation<T>(
  context: TimeLeft,
  pass: { run(): Promise<T>; stop(): Promise<void> },
  reserveMs = 15_000,
): Promise<T> {
  const remaining = context.getRemainingTimeInMillis()
  const timer = setTimeout(() => void pass.stop(), Math.max(remaining / 2, remaining - reserveMs))
  try {
    return await pass.run()
  } finally {
    clearTimeout(timer)
  }
}
