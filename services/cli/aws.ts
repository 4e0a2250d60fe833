import { type AwsClients, createAwsClients } from '../platform/aws.ts'

/** Runs a function with AWS clients, and closes them afterwards. Open connections would keep the process alive. */
export async function withAws<T>(config: { AWS_REGION: string }, use: (clients: AwsClients) => Promise<T>): Promise<T> {
  const clients = createAwsClients({ region: config.AWS_REGION, maxSockets: 32 })
  try {
    return await use(clients)
  } finally {
    clients.destroy()
  }
}
