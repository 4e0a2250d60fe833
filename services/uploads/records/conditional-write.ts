import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb'

/** Makes a conditional write. Resolves to true if the condition held. */
export async function conditionally(write: () => Promise<unknown>): Promise<boolean> {
  return (await unlessRefused(async () => ({ reply: await write() }))) !== undefined
}

/** Makes a conditional write. Resolves to its result, or to undefined if the condition did not hold. */
export async function unlessRefused<T>(write: () => Promise<T>): Promise<T | undefined> {
  try {
    return await write()
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return undefined
    throw error
  }
}
