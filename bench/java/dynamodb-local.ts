import { type Lifetime, startJava } from './process.ts'

/** Starts DynamoDB Local and resolves to its port. It supports the calls of KCL 3 that dynalite does not. */
export async function startDynamoDbLocal(t: Lifetime): Promise<number> {
  const listening = Promise.withResolvers<number>()
  const onLine = ({ port }: { port?: number }) => listening.resolve(port ?? 0)
  const program = await startJava(t, 'dynamodb', { env: {}, onLine })
  const ended = program.exited.then(() => {
    throw new Error(`DynamoDB Local ended:\n${program.tail()}`)
  })
  return Promise.race([listening.promise, ended])
}
