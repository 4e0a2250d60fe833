/** What API Gateway lets through, and whether only with a token that its authorizer has accepted. The api checks it again. */
export interface GatewayRoute {
  /** As API Gateway writes it. */
  path: string
  methods: readonly string[]
  authorized: boolean
}

const upload = (path: string): GatewayRoute[] => [
  { path, methods: ['ANY'], authorized: true },
  // Browsers ask without a token what they may send, and the api answers what CORS_ORIGINS lets it.
  { path, methods: ['OPTIONS'], authorized: false },
]

const open = (path: string): GatewayRoute => ({ path, methods: ['GET'], authorized: false })

export const routes: readonly GatewayRoute[] = [
  ...upload('/uploads'),
  ...upload('/uploads/{proxy+}'),
  open('/livez'),
  open('/readyz'),
  open('/openapi.json'),
  open('/docs'),
  open('/docs/{proxy+}'),
]
