import { type AwsClients, createAwsClients } from '../platform/aws.ts'

/** Runs something with clients of AWS, and closes them whatever comes of it: open connections would keep the process. */
export async function withAws<T>(config: { AWS_REGION: string }, use: (clients: AwsClients) => Promise<T>): Promise<T> {
  const clients = createAwsClients({ region: config.AWS_REGION, maxSockets: 32 })
  try {
    return await use(clients)
  } finally {
    clients.destroy()
  }
}
