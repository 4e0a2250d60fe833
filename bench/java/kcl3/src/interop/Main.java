package interop;

import software.amazon.kinesis.coordinator.CoordinatorConfig.ClientVersionConfig;

public final class Main {
    private Main() {}

    /** In the mode in which 3.x shares a lease table with workers of 2.x: the first step of Amazon's own migration. */
    public static void main(String[] args) {
        Worker.run(coordinator ->
                coordinator.clientVersionConfig(ClientVersionConfig.CLIENT_VERSION_CONFIG_COMPATIBLE_WITH_2X));
    }
}
