import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb'

/** Makes a write with a condition, and resolves to whether the condition held. */
export async function conditionally(write: () => Promise<unknown>): Promise<boolean> {
  return (await unlessRefused(async () => ({ reply: await write() }))) !== undefined
}

/** What a write resolved to, or undefined where its condition did not hold. */
export async function unlessRefused<T>(write: () => Promise<T>): Promise<T | undefined> {
  try {
    return await write()
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return undefined
    throw error
  }
}
