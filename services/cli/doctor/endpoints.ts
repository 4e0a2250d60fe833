/** Where a service is reached, by the SDK's own settings. */
export function endpointOf(service: 'dynamodb' | 'lambda', region: string, env: NodeJS.ProcessEnv): string {
  const own = env[`AWS_ENDPOINT_URL_${service.toUpperCase()}`] || env.AWS_ENDPOINT_URL
  return own || `https://${service}.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`
}
