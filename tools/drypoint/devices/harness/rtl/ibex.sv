// SPDX-License-Identifier: Apache-2.0
// lowRISC's ibex with the ports that a simulation needs: two buses, and the instruction that retires.
module core
  import ibex_pkg::*;
#(
    parameter bit Fast = 1'b0  // the parameters of ibex_configs.yaml: 0 "small", 1 "maxperf"
) (
    input  logic        clk,
    input  logic        rst_n,
    output logic        instr_req,
    output logic [31:0] instr_addr,
    input  logic        instr_gnt,
    input  logic        instr_rvalid,
    input  logic [31:0] instr_rdata,
    output logic        data_req,
    output logic        data_we,
    output logic [ 3:0] data_be,
    output logic [31:0] data_addr,
    output logic [31:0] data_wdata,
    input  logic        data_gnt,
    input  logic        data_rvalid,
    input  logic [31:0] data_rdata,
    output logic        retires,
    output logic [31:0] pc
);
  ibex_top #(
      .RV32M(Fast ? RV32MSingleCycle : RV32MFast),
      .BranchTargetALU(Fast),
      .WritebackStage(Fast)
  ) top (
      .clk_i(clk),
      .rst_ni(rst_n),
      .test_en_i(1'b0),
      .scan_rst_ni(1'b1),
      .ram_cfg_i('0),
      .hart_id_i('0),
      .boot_addr_i('0),  // it starts 0x80 behind
      .instr_req_o(instr_req),
      .instr_gnt_i(instr_gnt),
      .instr_rvalid_i(instr_rvalid),
      .instr_addr_o(instr_addr),
      .instr_rdata_i(instr_rdata),
      .instr_rdata_intg_i('0),
      .instr_err_i(1'b0),
      .data_req_o(data_req),
      .data_gnt_i(data_gnt),
      .data_rvalid_i(data_rvalid),
      .data_we_o(data_we),
      .data_be_o(data_be),
      .data_addr_o(data_addr),
      .data_wdata_o(data_wdata),
      .data_rdata_i(data_rdata),
      .data_rdata_intg_i('0),
      .data_err_i(1'b0),
      .irq_software_i(1'b0),
      .irq_timer_i(1'b0),
      .irq_external_i(1'b0),
      .irq_fast_i('0),
      .irq_nm_i(1'b0),
      .scramble_key_valid_i(1'b0),
      .scramble_key_i('0),
      .scramble_nonce_i('0),
      .debug_req_i(1'b0),
      .fetch_enable_i(IbexMuBiOn),
      .rvfi_valid(retires),
      .rvfi_pc_rdata(pc)
  );
endmodule
