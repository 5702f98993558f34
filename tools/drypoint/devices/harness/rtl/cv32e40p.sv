// SPDX-License-Identifier: Apache-2.0
// OpenHW's CV32E40P with the ports that a simulation needs: two buses, and the instruction that
// retires.
module core (
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
  cv32e40p_core top (
      .clk_i(clk),
      .rst_ni(rst_n),
      .pulp_clock_en_i(1'b1),
      .scan_cg_en_i(1'b0),
      .boot_addr_i(32'h80),
      .mtvec_addr_i('0),
      .dm_halt_addr_i('0),
      .hart_id_i('0),
      .dm_exception_addr_i('0),
      .instr_req_o(instr_req),
      .instr_gnt_i(instr_gnt),
      .instr_rvalid_i(instr_rvalid),
      .instr_addr_o(instr_addr),
      .instr_rdata_i(instr_rdata),
      .data_req_o(data_req),
      .data_gnt_i(data_gnt),
      .data_rvalid_i(data_rvalid),
      .data_we_o(data_we),
      .data_be_o(data_be),
      .data_addr_o(data_addr),
      .data_wdata_o(data_wdata),
      .data_rdata_i(data_rdata),
      .apu_gnt_i(1'b0),
      .apu_rvalid_i(1'b0),
      .apu_result_i('0),
      .apu_flags_i('0),
      .irq_i('0),
      .debug_req_i(1'b0),
      .fetch_enable_i(1'b1)
  );
  assign retires = top.id_stage_i.minstret;
  assign pc = top.pc_id;
endmodule
